-- How many records of a sweep are older ones of its hosts.
SELECT sweep, count(*)
FROM timed ANTI JOIN heard USING (record)
WHERE minute >= getvariable('begin')
GROUP BY sweep
