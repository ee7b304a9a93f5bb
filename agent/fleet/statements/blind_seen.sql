-- For each sweep, the places, symptoms and security groups of blind hosts, each combination once, with the stretch to
-- which the sweep belongs.
CREATE TABLE blind_seen AS
SELECT b.*, t.number, t.breaks
FROM (SELECT DISTINCT * EXCLUDE (host) FROM blind_host) b
JOIN stretch t ON t.sweep = b.sweep AND t.symptom_key = b.symptom_key
    AND t.account IS NOT DISTINCT FROM b.account AND t.vpc IS NOT DISTINCT FROM b.vpc;
