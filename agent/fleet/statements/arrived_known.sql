-- The arrived pieces, if they were chosen from the cache.
CREATE OR REPLACE VIEW arrived AS
SELECT c.id, p.* EXCLUDE (filename)
FROM chosen c
JOIN read_parquet(getvariable('parts'), filename = true) p USING (source, filename, "position")
