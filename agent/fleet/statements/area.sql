-- For each question and each cause `q`: the spots whose hosts could have its fault, with those of its services alone
-- where it names some.
CREATE OR REPLACE TABLE area (q BIGINT, reach TEXT, place INTEGER, services TEXT[])
