-- For each cause that began in a sweep, the cause of that sweep with the same code that most of its hosts had then, and
-- the number of these hosts.
SELECT key, its, hosts
FROM (
    SELECT b.key, m.key AS its, count(DISTINCT b.host) AS hosts
    FROM begun_host b JOIN begun_member m USING (sweep, host, code)
    WHERE b.sweep = getvariable('sweep') AND m.key IS NOT NULL
    GROUP BY b.key, m.key
)
QUALIFY row_number() OVER (PARTITION BY key ORDER BY hosts DESC, its) = 1
