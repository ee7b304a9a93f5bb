-- The faults of a sweep, without those of redacted records, whose keys have no ids.
CREATE OR REPLACE TABLE fault_here AS
SELECT record, code, raw_key, severity
FROM fault
WHERE sweep = getvariable('sweep') AND redacted = 0
