-- Which causes a code of a record is by these values, in whichever sweep: the first that was told where several fit, and
-- of the others those that nearly all hosts with their values have.
CREATE OR REPLACE TABLE ruled AS
WITH ill AS (
    SELECT DISTINCT code, record FROM fault WHERE redacted = 0 AND code IN (SELECT code FROM cause_rule)
)
SELECT code, record, key, place, severity
FROM (
    SELECT code, record, key, place, severity, round, is_nearly_all
    FROM ill JOIN record_value USING (record) JOIN cause_rule USING (code, attribute, value)
    GROUP BY code, record, key, place, severity, round, is_nearly_all, words
    HAVING count(*) >= words
)
QUALIFY is_nearly_all OR row_number() OVER (PARTITION BY code, record ORDER BY round, place) = 1
