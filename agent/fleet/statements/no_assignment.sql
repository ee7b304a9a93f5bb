-- Where no record is left, nothing is assigned.
CREATE TABLE assignment (record BIGINT, cause_key TEXT, counted INTEGER, by_symptom INTEGER)
