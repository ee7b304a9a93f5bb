-- The keys of faults that are causes.
CREATE OR REPLACE TABLE cause_key (raw_key TEXT, key TEXT, place INTEGER, severity INTEGER)
