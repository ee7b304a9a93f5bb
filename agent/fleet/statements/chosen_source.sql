-- The sources whose pieces are all in the cache.
SELECT DISTINCT number FROM chosen
