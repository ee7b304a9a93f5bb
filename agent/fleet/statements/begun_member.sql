-- The faults of all sweeps with the causes of the sweep in which a cause began.
CREATE OR REPLACE TABLE begun_member AS FROM cause_member
