-- Pairs of values to try together. They are made of the 32 values with the best scores. At most 64 pairs are tried,
-- those with most sick hosts. A pair is left out if it could not be better than a single value even if as few well
-- hosts as possible had both values.
CREATE OR REPLACE TABLE pair AS
WITH word AS (
    FROM single
    QUALIFY row_number() OVER (PARTITION BY q ORDER BY f1(sick, total, all_sick) DESC, nearness, value) <= 32
), best AS (
    SELECT q, max(f1(sick, total, all_sick)) AS f1 FROM single WHERE is_told GROUP BY q
), met AS (
    SELECT x.q, x.trait AS one, y.trait AS other, count(*) AS sick
    FROM (SELECT q, record, trait, nearness FROM sick JOIN word USING (q, trait)) x
    JOIN (SELECT q, record, trait, nearness FROM sick JOIN word USING (q, trait)) y
        ON y.q = x.q AND y.record = x.record AND y.nearness > x.nearness
    GROUP BY x.q, x.trait, y.trait
    HAVING count(*) >= getvariable('least')
), most AS (
    FROM met QUALIFY row_number() OVER (PARTITION BY q ORDER BY sick DESC, one, other) <= 64
), bounded AS (
    SELECT m.q, m.one, m.other, m.sick, a.all_sick, a.hosts, greatest(m.sick, a.total + b.total - a.hosts) AS fewest
    FROM most m
    JOIN word a ON a.q = m.q AND a.trait = m.one
    JOIN word b ON b.q = m.q AND b.trait = m.other
)
SELECT q, one, other, sick
FROM bounded LEFT JOIN best USING (q)
WHERE f1(sick, fewest, all_sick) - 0.05 >= coalesce(best.f1, 0) AND lift(sick, fewest, all_sick, hosts) >= 3
