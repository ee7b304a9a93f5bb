-- The causes of a round: the number of each, and the code that it explains in part.
CREATE OR REPLACE TABLE round_cause (q BIGINT, cause BIGINT, key TEXT, reach TEXT, services TEXT[])
