-- The number of hosts that have each cause, and of hosts that could have it.
SELECT q, (SELECT count(*) FROM member m WHERE m.q = e.q) AS members, sum(hosts)::BIGINT AS exposed
FROM (
    SELECT q, hosts FROM area_spot JOIN spot USING (reach, place, service_set)
    UNION ALL SELECT q, sign FROM outside
) e
SEMI JOIN member USING (q)
GROUP BY q
