-- For each command, the last commands that its hosts ran before, each with the number of these hosts.
WITH ran AS (
    SELECT DISTINCT t.host, c.sweep, c.middle FROM timed t JOIN command c USING (sweep)
), followed AS (
    SELECT sweep, lag(sweep) OVER (PARTITION BY host ORDER BY middle, sweep) AS earlier FROM ran
)
SELECT sweep, earlier, count(*) FROM followed WHERE earlier IS NOT NULL GROUP BY sweep, earlier
