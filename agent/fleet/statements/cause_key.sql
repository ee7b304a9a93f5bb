-- The keys of faults, each with the cause that it belongs to.
CREATE OR REPLACE TABLE cause_key (raw_key TEXT, key TEXT, place INTEGER, severity INTEGER)
