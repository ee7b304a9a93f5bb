-- The keys of the faults in the sweep, each with its number of hosts.
CREATE OR REPLACE TABLE fault_key AS
SELECT raw_key, any_value(code) AS code, min(severity) AS severity, count(*) AS hosts
FROM fault_here
GROUP BY raw_key
