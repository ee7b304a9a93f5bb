-- By the causes of the told sweep.
CREATE TABLE now_member AS FROM cause_member
