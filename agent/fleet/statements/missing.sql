-- The expected hosts without a record in a sweep. Where nothing says their account, they are expected in each account in
-- which their id was heard. With a filter only those can be told to be of it that had a record.
CREATE TABLE missing AS
WITH known AS (
    SELECT DISTINCT account, name, host FROM heard WHERE NOT starts_with(host, '#')
), wanted AS (
    SELECT DISTINCT coalesce(k.host, concat(e.account, '/', e.name)) AS host, e.name
    FROM expected e
    LEFT JOIN known k ON k.name = e.name AND (e.account IS NULL OR k.account IS NULL OR k.account = e.account)
)
SELECT host, name
FROM wanted ANTI JOIN (SELECT host FROM heard WHERE sweep = getvariable('sweep')) USING (host)
WHERE NOT getvariable('is_filtered') OR host IN (SELECT host FROM placed)
