-- The sources of which the cache has all.
SELECT DISTINCT number FROM chosen
