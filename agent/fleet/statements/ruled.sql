-- The causes to which faults of all sweeps belong by the values of their hosts: the first cause that fits, and any
-- other cause that nearly all hosts with its values have.
CREATE OR REPLACE TABLE ruled AS
WITH ill AS MATERIALIZED (
    SELECT DISTINCT code, record FROM fault WHERE redacted = 0 AND code IN (SELECT code FROM cause_rule)
), ill_value AS (
    SELECT record, attribute, value FROM record_value WHERE record IN (SELECT record FROM ill)
)
SELECT code, record, key, place, severity
FROM (
    SELECT code, record, key, place, severity, round, is_nearly_all
    FROM ill JOIN ill_value USING (record) JOIN cause_rule USING (code, attribute, value)
    GROUP BY code, record, key, place, severity, round, is_nearly_all, words
    HAVING count(*) >= words
)
QUALIFY is_nearly_all OR row_number() OVER (PARTITION BY code, record ORDER BY round, place) = 1
