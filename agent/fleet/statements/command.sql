-- The commands that name a sweep, in the order of their middle minutes.
CREATE OR REPLACE VIEW command AS
SELECT sweep, quantile_disc(minute, 0.5) AS middle, count(DISTINCT host) AS hosts
FROM timed
WHERE sweep IS NOT NULL AND minute >= 0 AND try_cast(sweep AS DATE)::TEXT IS DISTINCT FROM sweep
GROUP BY sweep
