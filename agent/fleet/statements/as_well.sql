-- Other values that distinguish the sick hosts of a question as well as the chosen single value does: the same sick
-- hosts have them, and just as many hosts in total.
SELECT t.q, a.attribute, a.value
FROM told t
JOIN single s ON s.q = t.q AND s.trait <> t.one AND s.is_told AND s.sick = t.sick AND s.total = t.total
JOIN trait a ON a.trait = s.trait
WHERE t.other IS NULL AND t.sick = (
    SELECT count(*)
    FROM sick x JOIN sick y ON y.q = x.q AND y.record = x.record AND y.trait = s.trait
    WHERE x.q = t.q AND x.trait = t.one
)
ORDER BY t.q, a.nearness, a.value
