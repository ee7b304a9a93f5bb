-- The different times of the records, to the minute where they are in UTC, as records have them.
SELECT DISTINCT
    CASE WHEN ends_with(taken_at, 'Z') THEN substr(taken_at, 1, 16) ELSE taken_at END AS stamp
FROM record
