-- The commands that belong to the sweep of an earlier command.
CREATE TABLE together (sweep TEXT, earlier TEXT)
