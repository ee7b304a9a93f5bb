-- The values of attributes that at least four fifths of the hosts of a cause have, each with the first sweep in which
-- any host had the value. Only attributes whose values may be new, such as an image, are listed.
WITH most AS (
    SELECT q, trait
    FROM member JOIN held USING (record) JOIN trait t USING (trait)
    WHERE t.attribute IN ('group', 'endpoint', 'resolver', 'image', 'instance-type', 'tool')
    GROUP BY q, trait
    HAVING 5 * count(*) >= 4 * (SELECT count(*) FROM member m WHERE m.q = member.q)
), first AS (
    SELECT t.trait, t.attribute, t.value, t.nearness, arg_min(p.sweep, o.number) AS sweep
    FROM (SELECT DISTINCT trait FROM most) x
    JOIN trait t USING (trait)
    JOIN record_value v ON v.attribute = t.attribute AND v.value = t.value
    JOIN placed p ON p.record = v.record AND p.redacted = 0
    JOIN sweep_order o USING (sweep)
    GROUP BY t.trait, t.attribute, t.value, t.nearness
)
SELECT q, attribute, value, sweep FROM most JOIN first USING (trait) ORDER BY q, nearness, value
