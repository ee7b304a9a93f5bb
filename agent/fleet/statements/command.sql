-- The commands that name a sweep, each with its middle minute and its number of hosts. A command is left out if more
-- than a tenth of its hosts are redacted, since nobody can tell whether these hosts ran another command as well.
CREATE TABLE command AS
SELECT sweep, quantile_disc(minute, 0.5) AS middle, count(DISTINCT host) AS hosts
FROM timed
WHERE sweep IS NOT NULL AND minute >= 0 AND try_cast(sweep AS DATE)::TEXT IS DISTINCT FROM sweep
GROUP BY sweep
HAVING 10 * count(*) FILTER (WHERE starts_with(host, '#')) <= count(DISTINCT host)
