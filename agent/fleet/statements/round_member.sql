-- The hosts of the causes of the round: the explained hosts, and hosts whose own key is that of the cause.
CREATE OR REPLACE TABLE round_member AS
SELECT q, cause, record FROM round_cause JOIN explained USING (q)
UNION
SELECT q, cause, record
FROM round_cause c JOIN fault_here f ON f.raw_key = c.key JOIN sick USING (q, record)
