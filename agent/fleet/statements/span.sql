-- The sweep of each minute of a record whose place does not tell it.
CREATE TABLE span (minute BIGINT, sweep TEXT)
