-- The hosts with a code by keys that are not causes.
CREATE OR REPLACE TABLE pool AS
SELECT DISTINCT code, record FROM fault_here WHERE raw_key NOT IN (SELECT raw_key FROM evidence)
