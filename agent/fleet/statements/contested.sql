-- The host ids that several accounts use in a sweep, with these accounts.
WITH here AS (
    SELECT name, host, coalesce(account, 'an unknown account') AS account
    FROM placed
    WHERE sweep = getvariable('sweep') AND NOT starts_with(host, '#')
)
SELECT name, list(DISTINCT account ORDER BY account)
FROM here SEMI JOIN (SELECT name FROM here GROUP BY name HAVING min(host) <> max(host)) USING (name)
GROUP BY name
ORDER BY name
