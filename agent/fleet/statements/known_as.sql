-- The key that identifies the cause of a fault, by the reported key and the account and Region of its hosts.
CREATE TABLE known_as (raw_key TEXT, account TEXT, region TEXT, key TEXT)
