-- The records that such a file has already.
CREATE OR REPLACE TABLE packed_before AS FROM whole WITH NO DATA
