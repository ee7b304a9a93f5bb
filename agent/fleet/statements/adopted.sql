-- Assigns a record without an account to an account if its host id is known in exactly one account. A record stays
-- without an account if a record with this id and an account is in the same sweep.
UPDATE timed SET host = found.host, account = found.account
FROM (
    WITH lone AS (
        SELECT record, name, sweep FROM timed WHERE account IS NULL AND NOT starts_with(host, '#')
    ), owned AS (
        SELECT name, sweep, account, host
        FROM timed SEMI JOIN lone USING (name)
        WHERE account IS NOT NULL AND NOT starts_with(host, '#')
    ), one AS (
        SELECT name, any_value(account) AS account, any_value(host) AS host
        FROM owned
        GROUP BY name
        HAVING count(DISTINCT account) = 1
    )
    SELECT record, one.account, one.host
    FROM lone ANTI JOIN owned USING (name, sweep) JOIN one USING (name)
) found
WHERE timed.record = found.record
