-- A record without an account is of the one account in which its id is known, unless that has a record of its own in the
-- same sweep.
UPDATE timed SET host = one.host, account = one.account
FROM (
    SELECT name, any_value(host) AS host, any_value(account) AS account
    FROM timed
    WHERE account IS NOT NULL AND NOT starts_with(host, '#')
    GROUP BY name
    HAVING count(DISTINCT account) = 1
) one
WHERE timed.account IS NULL AND NOT starts_with(timed.host, '#') AND timed.name = one.name
    AND concat(timed.sweep, ' ', timed.name) NOT IN (
        SELECT concat(sweep, ' ', name) FROM timed WHERE account IS NOT NULL AND NOT starts_with(host, '#')
    )
