-- The places of blind hosts that have the same symptom and security groups in a sweep, with the stretch of the sweep.
CREATE TABLE blind_seen AS
SELECT b.*, t.number, t.breaks
FROM (SELECT DISTINCT * EXCLUDE (host) FROM blind_host) b
JOIN stretch t ON t.sweep = b.sweep AND t.symptom_key = b.symptom_key
    AND t.account IS NOT DISTINCT FROM b.account AND t.vpc IS NOT DISTINCT FROM b.vpc;
