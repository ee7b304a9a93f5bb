-- Times as texts, each with its minute since 1970, or -1 if the text cannot be read.
CREATE TABLE moment (stamp TEXT, minute BIGINT)
