-- The pieces of a batch that the cache keeps.
SELECT * EXCLUDE (id) FROM incoming WHERE tag IS NOT NULL ORDER BY id
