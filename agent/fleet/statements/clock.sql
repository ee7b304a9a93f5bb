-- How many records have a time that is yet to come, where no folder says their day, and how many one that cannot be read.
SELECT
    count(*) FILTER (minute >= getvariable('ahead') AND try_cast(sweep AS DATE)::TEXT IS DISTINCT FROM sweep),
    count(*) FILTER (minute < 0)
FROM timed
