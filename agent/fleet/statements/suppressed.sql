-- The suppressed faults of hosts, each with the number of the suppression.
CREATE TABLE suppressed (record BIGINT, sweep TEXT, host TEXT, number INTEGER)
