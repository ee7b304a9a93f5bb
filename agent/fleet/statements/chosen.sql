-- The pieces that the cache holds of these sources, in their order. Of a source that was not read to its end, nothing
-- holds. Where two processes read the same at a time, both kept it: the last file that has it holds.
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
