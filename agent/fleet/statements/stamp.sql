-- The different times of records. Times in UTC, as records usually have them, are cut to the minute.
SELECT DISTINCT
    CASE WHEN ends_with(taken_at, 'Z') THEN substr(taken_at, 1, 16) ELSE taken_at END AS stamp
FROM record
