-- The targets at which each fault was seen.
CREATE TABLE fault_target AS
SELECT DISTINCT sweep, raw_key, code, target FROM fault_row WHERE redacted = 0
