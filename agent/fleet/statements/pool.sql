-- The hosts that have a fault with a code under a key that is not a cause.
CREATE OR REPLACE TABLE pool AS
SELECT DISTINCT code, record FROM fault_here WHERE raw_key NOT IN (SELECT raw_key FROM evidence)
