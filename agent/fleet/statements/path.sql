-- Keys that name only some of the addresses of another key, each with that other key.
CREATE TABLE path (key TEXT, whole TEXT)
