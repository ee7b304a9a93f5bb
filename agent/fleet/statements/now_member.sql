-- The faults of all sweeps with the causes of the reported sweep.
CREATE TABLE now_member AS FROM cause_member
