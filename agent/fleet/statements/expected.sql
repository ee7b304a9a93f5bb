-- The hosts that should be heard from, each with its account if it is known.
CREATE TABLE expected (account TEXT, name TEXT)
