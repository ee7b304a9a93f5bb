-- What identifies the fault of a key, by where hosts have it.
CREATE TABLE known_as (raw_key TEXT, account TEXT, region TEXT, key TEXT)
