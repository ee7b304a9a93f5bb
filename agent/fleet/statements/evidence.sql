-- The keys that are causes by themselves: keys that name a resource of the configuration; keys with a role, an issuer
-- or a URL that enough hosts have; and keys of faults that at least half of the possible hosts have.
CREATE OR REPLACE TABLE evidence AS
SELECT q, raw_key, code, severity, hosts, services, reach, exposed, is_named
FROM candidate
JOIN (
    SELECT q, sum(hosts)::BIGINT AS exposed
    FROM (
        SELECT q, hosts FROM area_spot JOIN spot USING (reach, place, service_set)
        UNION ALL SELECT q, sign FROM outside
    )
    GROUP BY q
) USING (q)
WHERE is_named OR is_specific OR (2 * hosts >= exposed AND (hosts >= getvariable('least') OR hosts = exposed))
