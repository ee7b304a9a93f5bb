-- The minute of each of these times, since 1970; -1 where it cannot be read.
CREATE TABLE moment (stamp TEXT, minute BIGINT)
