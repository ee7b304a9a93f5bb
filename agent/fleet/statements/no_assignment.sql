-- An empty table of assignments, for a fleet without records.
CREATE TABLE assignment (record BIGINT, cause_key TEXT, counted INTEGER, by_symptom INTEGER)
