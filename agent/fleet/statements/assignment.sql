-- The faults of each host. A host counts at its worst fault. Of several faults with the same severity, a named cause
-- comes before a fault of the host alone, and an earlier cause before a later one.
CREATE TABLE assignment AS
WITH each AS (
    SELECT
        record, coalesce(key, raw_key) AS cause_key, max(joined) AS by_symptom,
        min(coalesce(cause_severity, severity)) AS severity, min(CASE WHEN key IS NULL THEN 1 ELSE 0 END) AS own,
        min(coalesce(place, 0)) AS cause_place, min(rank) AS rank
    FROM now_member
    WHERE sweep = getvariable('sweep')
    GROUP BY record, coalesce(key, raw_key)
)
SELECT record, cause_key, CASE WHEN place = 1 THEN 1 ELSE 0 END AS counted, by_symptom
FROM (
    SELECT *, row_number() OVER (
        PARTITION BY record ORDER BY severity, own, cause_place, rank, cause_key
    ) AS place
    FROM each
)
