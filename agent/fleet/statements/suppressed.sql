-- The faults that suppressions removed, each with the number of the suppression.
CREATE TABLE suppressed (record BIGINT, sweep TEXT, host TEXT, number INTEGER)
