-- The causes of a round: the question `q` that each of them answers in part, its number `cause`, and its key.
CREATE OR REPLACE TABLE round_cause (q BIGINT, cause BIGINT, key TEXT, reach TEXT, services TEXT[])
