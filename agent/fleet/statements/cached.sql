-- What a cache keeps of a batch.
SELECT * EXCLUDE (id) FROM incoming WHERE tag IS NOT NULL ORDER BY id
