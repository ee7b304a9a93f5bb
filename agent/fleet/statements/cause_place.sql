-- The numbers of hosts of each cause, and of hosts that could have it, by VPC and zone.
WITH counted AS (
    SELECT q, vpc, zone, hosts AS exposed, 0 AS sick FROM area_spot JOIN spot_zone USING (reach, place, service_set)
    UNION ALL SELECT q, vpc, zone, sign, 0 FROM outside JOIN host USING (record)
    UNION ALL SELECT q, vpc, zone, 0, 1 FROM member JOIN host USING (record)
)
SELECT q, v.value AS vpc, z.value AS zone, sum(sick)::BIGINT AS sick, sum(exposed)::BIGINT AS exposed
FROM counted
SEMI JOIN member USING (q)
LEFT JOIN trait v ON v.trait = vpc
LEFT JOIN trait z ON z.trait = zone
GROUP BY q, v.value, z.value
ORDER BY q, coalesce(v.value, ''), coalesce(z.value, '')
