-- The cached pieces of the listed sources, in their order. A source that was not read to its end is left out. If two
-- processes read a source at the same time, both files have its pieces; the last file is used.
CREATE OR REPLACE TABLE chosen AS
WITH held AS (
    SELECT number, source, "position", filename, "last"
    FROM listed JOIN read_parquet(getvariable('parts'), filename = true) USING (source, tag)
)
SELECT
    getvariable('first') + row_number() OVER (ORDER BY number, "position") - 1 AS id, number, source, "position",
    max(filename) AS filename
FROM held
WHERE number IN (SELECT number FROM held WHERE "last")
GROUP BY number, source, "position"
