-- Looks up all sources in the cache, each with its last tag.
INSERT INTO listed
SELECT row_number() OVER (ORDER BY source), source, arg_max(tag, filename)
FROM read_parquet(getvariable('parts'), filename = true)
WHERE "last"
GROUP BY source
