-- The sweep in which each cause began, if it is known.
CREATE OR REPLACE TABLE begun (key TEXT, sweep TEXT)
