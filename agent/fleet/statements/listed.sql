-- The sources to look up in the cache, with their tags; `number` is the index of a source.
CREATE OR REPLACE TABLE listed (number BIGINT, source TEXT, tag TEXT)
