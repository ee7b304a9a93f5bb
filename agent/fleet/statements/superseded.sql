-- The number of records in each sweep that are older than another record of the same host.
SELECT sweep, count(*)
FROM timed ANTI JOIN heard USING (record)
WHERE minute >= getvariable('begin')
GROUP BY sweep
