-- The sweep for each minute, for records whose place names no sweep.
CREATE TABLE span (minute BIGINT, sweep TEXT)
