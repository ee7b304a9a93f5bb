-- The faults of hosts whose suppression ended after the earlier sweep was joined.
CREATE TABLE lapsed (record BIGINT, own_key TEXT, target TEXT)
