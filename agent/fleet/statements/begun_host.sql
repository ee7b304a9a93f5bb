-- The hosts that had each cause in the sweep in which it began.
CREATE OR REPLACE TABLE begun_host AS
SELECT DISTINCT m.key, m.code, m.sweep, m.host
FROM cause_member m JOIN begun b ON b.key = m.key AND b.sweep = m.sweep
WHERE m.redacted = 0
