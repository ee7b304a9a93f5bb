-- The hosts that should be heard from.
CREATE TABLE expected (host TEXT)
