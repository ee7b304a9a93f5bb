-- The hosts of each cause by owner; the owner of most of these hosts comes first. The owner is NULL if the inventory
-- names none.
SELECT cause_key, owner, count(*) AS hosts, min(host, getvariable('most_hosts')) AS hosts_first
FROM (
    SELECT DISTINCT a.cause_key, o.value AS owner, a.record, coalesce(r.host, r.place) AS host
    FROM owned a
    JOIN record r ON r.id = a.record
    LEFT JOIN labelled o ON o.record = a.record AND o.name = 'owner'
)
GROUP BY cause_key, owner
QUALIFY row_number() OVER (PARTITION BY cause_key ORDER BY hosts DESC, coalesce(owner, '')) <= getvariable('most')
ORDER BY cause_key, hosts DESC, coalesce(owner, '')
