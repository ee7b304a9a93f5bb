-- The places where hosts could have the fault of each question and each cause `q`. If `services` is not empty, only
-- hosts that need one of these services could have the fault.
CREATE OR REPLACE TABLE area (q BIGINT, reach TEXT, place INTEGER, services TEXT[])
