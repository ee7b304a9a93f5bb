-- The sources of which the cache is asked, with their tags; `number` is the place of each.
CREATE OR REPLACE TABLE listed (number BIGINT, source TEXT, tag TEXT)
