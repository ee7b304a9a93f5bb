-- The one value, or the two, that tell the sick hosts of each question best from the others: `other` is NULL for one. Two
-- have to tell clearly more, and within the hosts with each of them.
CREATE OR REPLACE TABLE told AS
WITH counted AS (
    SELECT q, one, other, sum(hosts)::BIGINT AS total
    FROM (
        SELECT q, one, other, s.hosts
        FROM pair JOIN area_spot a USING (q) JOIN spot_pair s USING (one, other, service_set)
        WHERE a.place = CASE a.reach WHEN 'vpc' THEN s.vpc WHEN 'account' THEN s.account ELSE 0 END
        UNION ALL
        SELECT q, one, other, sign
        FROM pair JOIN outside o USING (q)
        JOIN held x ON x.record = o.record AND x.trait = one
        JOIN held y ON y.record = o.record AND y.trait = other
    )
    GROUP BY q, one, other
), two AS (
    SELECT q, p.one, p.other, p.sick, c.total, a.all_sick, a.hosts, a.tests, a.nearness, b.nearness AS other_nearness,
        a.value, b.value AS other_value
    FROM pair p
    JOIN counted c USING (q, one, other)
    JOIN single a USING (q)
    JOIN single b USING (q)
    WHERE a.trait = p.one AND b.trait = p.other
        AND fisher(p.sick, c.total, a.sick, a.total) * a.tests < 0.001
        AND fisher(p.sick, c.total, b.sick, b.total) * a.tests < 0.001
        AND tells(p.sick, c.total, a.all_sick, a.hosts, a.tests)
), every AS (
    SELECT q, trait AS one, NULL::INTEGER AS other, sick, total, all_sick, hosts, tests, nearness,
        NULL::INTEGER AS other_nearness, value, NULL AS other_value, f1(sick, total, all_sick) AS score
    FROM single WHERE is_told
    UNION ALL
    SELECT *, f1(sick, total, all_sick) - 0.05 FROM two
)
FROM every
QUALIFY row_number() OVER (
    PARTITION BY q
    ORDER BY round(score, 9) DESC, other IS NOT NULL, nearness, other_nearness, value, other_value
) = 1
