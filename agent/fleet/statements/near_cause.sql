-- The causes that most hosts near a blind host name: hosts of its subnet; if there are none, of its zone; otherwise of
-- its VPC.
--
-- A fault of a route table or a network ACL is not taken over from another subnet if most hosts of the blind host's
-- subnet do not have the symptom. If the groups of the blind host are a cause, only causes that hosts of its own subnet
-- name are taken over.
CREATE TABLE near_cause AS
WITH well_subnet AS (
    SELECT s.*
    FROM (
        SELECT sweep, account, vpc, subnet, symptom_key, count(DISTINCT host) AS hosts
        FROM (
            SELECT sweep, account, vpc, subnet, symptom_key, host FROM blind_host
            UNION ALL SELECT sweep, account, vpc, subnet, symptom_key, host FROM named_cause
        )
        GROUP BY ALL
    ) s
    JOIN (
        SELECT p.sweep, r.account, r.vpc, r.subnet, count(*) AS hosts
        FROM placed p JOIN record r ON r.id = p.record
        GROUP BY ALL
    ) a ON a.sweep = s.sweep AND a.subnet = s.subnet AND a.vpc = s.vpc AND a.account IS NOT DISTINCT FROM s.account
    WHERE 2 * s.hosts < a.hosts
), placed_vote AS (
    SELECT *, 0 AS nearness, subnet AS place FROM named_cause WHERE subnet IS NOT NULL AND len(groups) = 0
    UNION ALL SELECT *, 1, zone FROM named_cause WHERE zone IS NOT NULL AND len(groups) = 0
    UNION ALL SELECT *, 2, '' FROM named_cause WHERE len(groups) = 0
), voters AS (
    SELECT sweep, account, vpc, symptom_key, nearness, place, count(DISTINCT host) AS voters
    FROM placed_vote
    GROUP BY ALL
), said AS (
    SELECT sweep, account, vpc, symptom_key, code, cause_key, nearness, place, count(DISTINCT host) AS hosts
    FROM placed_vote
    GROUP BY ALL
), majority AS (
    SELECT s.*, t.number, t.breaks
    FROM (
        SELECT s.*
        FROM said s JOIN voters v ON v.sweep = s.sweep AND v.symptom_key = s.symptom_key AND v.nearness = s.nearness
            AND v.place = s.place AND v.account IS NOT DISTINCT FROM s.account AND v.vpc IS NOT DISTINCT FROM s.vpc
        QUALIFY 2 * hosts > voters OR row_number() OVER (
            PARTITION BY s.sweep, s.account, s.vpc, s.symptom_key, s.nearness, s.place ORDER BY hosts DESC, cause_key
        ) = 1
    ) s
    JOIN stretch t ON t.sweep = s.sweep AND t.symptom_key = s.symptom_key
        AND t.account IS NOT DISTINCT FROM s.account AND t.vpc IS NOT DISTINCT FROM s.vpc
)
SELECT b.*, m.cause_key
FROM blind_seen b
JOIN majority m ON m.symptom_key = b.symptom_key AND m.breaks = b.breaks
    AND m.account IS NOT DISTINCT FROM b.account AND m.vpc IS NOT DISTINCT FROM b.vpc
    AND m.place IS NOT DISTINCT FROM CASE m.nearness WHEN 0 THEN b.subnet WHEN 1 THEN b.zone ELSE '' END
LEFT JOIN well_subnet w ON w.sweep = b.sweep AND w.subnet = b.subnet AND w.symptom_key = b.symptom_key
    AND w.account IS NOT DISTINCT FROM b.account AND w.vpc IS NOT DISTINCT FROM b.vpc
LEFT JOIN (
    SELECT DISTINCT * EXCLUDE (cause_key) FROM own_cause
) o ON o.sweep = b.sweep AND o.symptom_key = b.symptom_key AND o.groups = b.groups
    AND o.account IS NOT DISTINCT FROM b.account AND o.vpc IS NOT DISTINCT FROM b.vpc
    AND o.zone IS NOT DISTINCT FROM b.zone AND o.subnet IS NOT DISTINCT FROM b.subnet
WHERE m.nearness = 0 OR (o.sweep IS NULL AND (m.code NOT IN ('VPC006', 'VPC007') OR w.subnet IS NULL))
QUALIFY rank() OVER (
    PARTITION BY b.sweep, b.account, b.vpc, b.zone, b.subnet, b.groups, b.symptom_key
    ORDER BY m.nearness, abs(m.number - b.number), m.number
) = 1;
