-- The records of the existing file.
CREATE OR REPLACE TABLE packed_before AS FROM whole WITH NO DATA
