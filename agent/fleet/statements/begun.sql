-- The sweep in which each cause began, as far as it is known.
CREATE OR REPLACE TABLE begun (key TEXT, sweep TEXT)
