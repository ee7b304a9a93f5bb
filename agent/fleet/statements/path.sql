-- Keys that name a part of the addresses of another one, each with that one.
CREATE TABLE path (key TEXT, whole TEXT)
