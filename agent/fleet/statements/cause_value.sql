-- The hosts of each cause by their values of an attribute; the value of most of these hosts comes first. The value is
-- NULL if it is not known. A host with several values counts at each of them.
WITH wanted AS (
    SELECT trait, value FROM trait WHERE attribute = getvariable('broken_by')
), valued AS (
    SELECT record, vpc, account, service_set, value
    FROM host LEFT JOIN (SELECT record, value FROM held JOIN wanted USING (trait)) USING (record)
), counted AS (
    SELECT vpc, account, service_set, value, count(*) AS hosts FROM valued GROUP BY vpc, account, service_set, value
), exposed AS (
    SELECT q, value, sum(hosts)::BIGINT AS exposed
    FROM (
        SELECT q, value, hosts
        FROM area_spot a JOIN counted c USING (service_set)
        WHERE a.place = CASE a.reach WHEN 'vpc' THEN c.vpc WHEN 'account' THEN c.account ELSE 0 END
        UNION ALL SELECT q, value, sign FROM outside JOIN valued USING (record)
    )
    GROUP BY q, value
), sick AS (
    SELECT q, value, count(*) AS sick FROM member JOIN valued USING (record) GROUP BY q, value
)
SELECT s.q, s.value, sick, exposed
FROM sick s JOIN exposed e ON e.q = s.q AND e.value IS NOT DISTINCT FROM s.value
QUALIFY row_number() OVER (PARTITION BY s.q ORDER BY sick DESC, coalesce(s.value, '')) <= getvariable('most')
ORDER BY s.q, sick DESC, coalesce(s.value, '')
