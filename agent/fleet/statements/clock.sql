-- The number of records with a time in the future that are not in the folder of a day, and the number of records with
-- an unreadable time.
SELECT
    count(*) FILTER (minute >= getvariable('ahead') AND try_cast(sweep AS DATE)::TEXT IS DISTINCT FROM sweep),
    count(*) FILTER (minute < 0)
FROM timed
