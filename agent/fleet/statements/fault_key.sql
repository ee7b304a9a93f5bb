-- The faults of the sweep by their key.
CREATE OR REPLACE TABLE fault_key AS
SELECT raw_key, any_value(code) AS code, min(severity) AS severity, count(*) AS hosts
FROM fault_here
GROUP BY raw_key
