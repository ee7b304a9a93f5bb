-- Which cause a code of a record is by these values, in whichever sweep; the first that was told where several fit.
CREATE OR REPLACE TABLE ruled AS
WITH ill AS (
    SELECT DISTINCT code, record FROM fault WHERE redacted = 0 AND code IN (SELECT code FROM cause_rule)
)
SELECT code, record, key, place, severity
FROM (
    SELECT code, record, key, place, severity, round
    FROM ill JOIN record_value USING (record) JOIN cause_rule USING (code, attribute, value)
    GROUP BY code, record, key, place, severity, round, words
    HAVING count(*) >= words
)
QUALIFY row_number() OVER (PARTITION BY code, record ORDER BY round, place) = 1
