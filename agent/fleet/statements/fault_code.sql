-- The code of each key of faults.
SELECT raw_key, code FROM fault_key
