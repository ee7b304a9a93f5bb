-- The faults of all sweeps with the causes of the earlier sweep.
CREATE TABLE past_member AS FROM cause_member
