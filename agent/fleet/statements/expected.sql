-- The hosts that should be heard from, each with its account where that is known.
CREATE TABLE expected (account TEXT, name TEXT)
