-- By the causes of the sweep that it is compared with.
CREATE TABLE past_member AS FROM cause_member
