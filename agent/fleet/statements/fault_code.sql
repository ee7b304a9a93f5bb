-- The key of each fault with its code.
SELECT raw_key, code FROM fault_key
