-- At which targets faults show.
CREATE TABLE fault_target AS
SELECT DISTINCT sweep, raw_key, code, target FROM fault_row WHERE redacted = 0
