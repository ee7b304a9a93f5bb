-- The expected hosts without a record in a sweep. A host whose account is unknown is expected in each account in which
-- its id was heard. With a filter, only hosts with an earlier record are listed, since only a record shows whether a
-- host matches the filter.
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
