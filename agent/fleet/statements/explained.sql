-- The sick hosts of each question about a code that have the values found for it.
CREATE OR REPLACE TABLE explained AS
SELECT DISTINCT t.q, x.record
FROM told t
JOIN question u ON u.q = t.q AND u.is_repeated
JOIN sick x ON x.q = t.q AND x.trait = t.one
LEFT JOIN sick y ON y.q = t.q AND y.record = x.record AND y.trait = t.other
WHERE t.other IS NULL OR y.record IS NOT NULL
