-- What hosts that read the configuration say is the cause of a symptom, for the blind hosts of each subnet that have it:
-- most of those in the subnet, else in the zone, else in the VPC. A symptom that most of those found no cause of is not in
-- it; nor is a cause that says nothing of other hosts. Hosts of another VPC or account say nothing of these: who writes
-- records there could name any cause. A host that met some addresses has the symptom of those that met these and more.
--
-- Where they say nothing in a sweep, what they say in the nearest one holds, as long as the symptom was there without a
-- break: a fault is not another one because a host began to read EC2, or was silent.
CREATE TABLE explained_symptom AS
WITH vote AS (
    SELECT p.sweep, r.account, r.vpc, r.zone, r.subnet, coalesce(w.whole, s.symptom_key) AS symptom_key, s.cause_key, p.host
    FROM symptom s JOIN placed p USING (record) JOIN record r ON r.id = s.record
    LEFT JOIN path w ON w.key = s.symptom_key
    WHERE p.redacted = 0 AND s.symptom_key <> s.code
        AND NOT list_contains(getvariable('of_hosts'), split_part(s.cause_key, '|', 1))
    UNION
    SELECT p.sweep, r.account, r.vpc, r.zone, r.subnet, coalesce(w.whole, c.cause_key), coalesce(w.whole, c.cause_key), p.host
    FROM cause c JOIN placed p USING (record) JOIN record r ON r.id = c.record
    LEFT JOIN path w ON w.key = c.cause_key
    WHERE p.redacted = 0 AND r.ec2 = 1 AND c.cause_key <> c.code
), blind AS (
    SELECT DISTINCT p.sweep, r.account, r.vpc, r.zone, r.subnet, coalesce(w.whole, c.cause_key) AS symptom_key
    FROM cause c JOIN placed p USING (record) JOIN record r ON r.id = c.record
    LEFT JOIN path w ON w.key = c.cause_key
    WHERE p.redacted = 0 AND r.ec2 = 0
        AND (r.account, r.vpc, coalesce(w.whole, c.cause_key)) IN (SELECT (account, vpc, symptom_key) FROM vote)
), present AS (
    SELECT DISTINCT sweep, account, vpc, symptom_key FROM blind
    UNION SELECT DISTINCT sweep, account, vpc, symptom_key FROM vote
), crowd AS (
    SELECT p.sweep, r.account, r.vpc, count(*) AS hosts
    FROM placed p JOIN record r ON r.id = p.record
    SEMI JOIN present ON present.account IS NOT DISTINCT FROM r.account AND present.vpc IS NOT DISTINCT FROM r.vpc
    GROUP BY p.sweep, r.account, r.vpc
), usual AS (
    SELECT *, max(hosts) OVER (PARTITION BY account, vpc) AS most FROM crowd
), asked AS (
    SELECT x.account, x.vpc, x.symptom_key, u.sweep, o.number, p.sweep IS NOT NULL AS is_there
    FROM (SELECT DISTINCT account, vpc, symptom_key FROM present) x
    JOIN usual u ON u.account IS NOT DISTINCT FROM x.account AND u.vpc IS NOT DISTINCT FROM x.vpc
    JOIN sweep_order o USING (sweep)
    LEFT JOIN present p ON p.sweep = u.sweep AND p.symptom_key = x.symptom_key
        AND p.account IS NOT DISTINCT FROM x.account AND p.vpc IS NOT DISTINCT FROM x.vpc
    WHERE p.sweep IS NOT NULL OR 2 * u.hosts >= u.most  -- a run on some hosts alone breaks nothing
), stretch AS (
    SELECT *, count(*) FILTER (NOT is_there) OVER (
        PARTITION BY account, vpc, symptom_key ORDER BY number
    ) AS breaks
    FROM asked
), said AS (
    SELECT sweep, account, vpc, symptom_key, cause_key, nearness, place, count(DISTINCT host) AS hosts
    FROM (
        SELECT *, 0 AS nearness, subnet AS place FROM vote WHERE subnet IS NOT NULL
        UNION ALL SELECT *, 1, zone FROM vote WHERE zone IS NOT NULL
        UNION ALL SELECT *, 2, '' FROM vote
    )
    GROUP BY sweep, account, vpc, symptom_key, cause_key, nearness, place
), majority AS (
    SELECT s.*, t.number, t.breaks
    FROM (
        FROM said
        QUALIFY row_number() OVER (
            PARTITION BY sweep, account, vpc, symptom_key, nearness, place ORDER BY hosts DESC, cause_key
        ) = 1
    ) s
    JOIN stretch t ON t.sweep = s.sweep AND t.symptom_key = s.symptom_key
        AND t.account IS NOT DISTINCT FROM s.account AND t.vpc IS NOT DISTINCT FROM s.vpc
)
SELECT sweep, account, vpc, zone, subnet, symptom_key, cause_key
FROM (
    SELECT b.*, m.cause_key
    FROM blind b
    JOIN stretch t ON t.sweep = b.sweep AND t.symptom_key = b.symptom_key
        AND t.account IS NOT DISTINCT FROM b.account AND t.vpc IS NOT DISTINCT FROM b.vpc
    JOIN majority m ON m.symptom_key = b.symptom_key AND m.breaks = t.breaks
        AND m.account IS NOT DISTINCT FROM b.account AND m.vpc IS NOT DISTINCT FROM b.vpc
        AND m.place IS NOT DISTINCT FROM CASE m.nearness WHEN 0 THEN b.subnet WHEN 1 THEN b.zone ELSE '' END
    QUALIFY row_number() OVER (
        PARTITION BY b.sweep, b.account, b.vpc, b.zone, b.subnet, b.symptom_key
        ORDER BY m.nearness, abs(m.number - t.number), m.number
    ) = 1
)
WHERE symptom_key <> cause_key
