-- How many records have a time that is yet to come, and how many one that cannot be read.
SELECT count(*) FILTER (minute >= getvariable('ahead')), count(*) FILTER (minute < 0) FROM timed
