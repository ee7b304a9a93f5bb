-- What hosts that read the configuration say are the causes of a symptom, for the blind hosts of each subnet that have it
-- with the same security groups: what most of those in the subnet say, else in the zone, else in the VPC; and the rules of
-- the blind hosts' own groups, wherever hosts with these groups say that. A symptom that most of those found no cause of
-- is not in it; nor is a cause that says nothing of other hosts. Hosts of another VPC or account say nothing of these: who
-- writes records there could name any cause. A host that met some addresses has the symptom of those that met these and
-- more.
--
-- What is of a subnet, its route table or network ACL, is not the cause in another one most of whose hosts do not have the
-- symptom. Where the own groups are a cause, nothing that is said further away counts.
--
-- Where they say nothing in a sweep, what they say in the nearest one holds, as long as the symptom was there without a
-- break: a fault is not another one because a host began to read EC2, or was silent.
CREATE TABLE explained_symptom AS
WITH vote AS (
    SELECT p.sweep, r.account, r.vpc, r.zone, r.subnet, coalesce(w.whole, s.symptom_key) AS symptom_key,
        unnest(list_distinct([s.cause_key, c.cause_key])) AS cause_key, p.host
    FROM symptom s JOIN placed p USING (record) JOIN record r ON r.id = s.record
    LEFT JOIN path w ON w.key = s.symptom_key
    LEFT JOIN cause f ON f.record = s.record AND f.cause_key = s.cause_key
    LEFT JOIN cause c ON c.record = s.record AND c.target = f.target
        AND list_contains(getvariable('explains'), concat(c.code, ' ', s.code))
    WHERE p.redacted = 0 AND s.symptom_key <> s.code
    UNION
    SELECT p.sweep, r.account, r.vpc, r.zone, r.subnet, coalesce(w.whole, c.cause_key), coalesce(w.whole, c.cause_key), p.host
    FROM cause c JOIN placed p USING (record) JOIN record r ON r.id = c.record
    LEFT JOIN path w ON w.key = c.cause_key
    WHERE p.redacted = 0 AND r.ec2 = 1 AND c.cause_key <> c.code
), named AS (
    SELECT *, CASE code WHEN 'VPC012' THEN regexp_extract_all(cause_key, 'group=(sg-[0-9a-f]+)', 1) ELSE [] END AS groups
    FROM (SELECT *, split_part(cause_key, '|', 1) AS code FROM vote WHERE cause_key IS NOT NULL)
    WHERE NOT list_contains(getvariable('of_hosts'), code) OR cause_key = symptom_key
), blind_host AS (
    SELECT p.sweep, r.account, r.vpc, r.zone, r.subnet, list_sort(list_distinct(r.security_groups)) AS groups,
        coalesce(w.whole, c.cause_key) AS symptom_key, p.host
    FROM cause c JOIN placed p USING (record) JOIN record r ON r.id = c.record
    LEFT JOIN path w ON w.key = c.cause_key
    WHERE p.redacted = 0 AND r.ec2 = 0
        AND (r.account, r.vpc, coalesce(w.whole, c.cause_key)) IN (SELECT (account, vpc, symptom_key) FROM named)
), blind AS (
    SELECT DISTINCT * EXCLUDE (host) FROM blind_host
), present AS (
    SELECT DISTINCT sweep, account, vpc, symptom_key FROM blind
    UNION SELECT DISTINCT sweep, account, vpc, symptom_key FROM named
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
), reader AS (
    SELECT p.host, p.sweep, r.account, r.vpc, r.security_groups AS groups
    FROM placed p JOIN record r ON r.id = p.record
    WHERE p.redacted = 0 AND r.ec2 = 1
), well_subnet AS (
    SELECT s.*
    FROM (
        SELECT sweep, account, vpc, subnet, symptom_key, count(DISTINCT host) AS hosts
        FROM (
            SELECT sweep, account, vpc, subnet, symptom_key, host FROM blind_host
            UNION ALL SELECT sweep, account, vpc, subnet, symptom_key, host FROM named
        )
        GROUP BY ALL
    ) s
    JOIN (
        SELECT p.sweep, r.account, r.vpc, r.subnet, count(*) AS hosts
        FROM placed p JOIN record r ON r.id = p.record
        GROUP BY ALL
    ) a ON a.sweep = s.sweep AND a.subnet = s.subnet AND a.vpc = s.vpc AND a.account IS NOT DISTINCT FROM s.account
    WHERE 2 * s.hosts < a.hosts
), of_group AS (
    SELECT n.account, n.vpc, n.symptom_key, n.cause_key, n.groups, t.breaks, t.number, bool_or(v.host IS NOT NULL) AS is_said
    FROM (SELECT DISTINCT account, vpc, symptom_key, cause_key, groups FROM named WHERE len(groups) > 0) n
    JOIN stretch t ON t.symptom_key = n.symptom_key
        AND t.account IS NOT DISTINCT FROM n.account AND t.vpc IS NOT DISTINCT FROM n.vpc
    JOIN reader r ON r.sweep = t.sweep AND list_has_all(r.groups, n.groups)
        AND r.account IS NOT DISTINCT FROM n.account AND r.vpc IS NOT DISTINCT FROM n.vpc
    LEFT JOIN named v ON v.host = r.host AND v.sweep = r.sweep AND v.symptom_key = n.symptom_key
        AND v.cause_key = n.cause_key
    GROUP BY n.account, n.vpc, n.symptom_key, n.cause_key, n.groups, t.breaks, t.number
), placed_vote AS (
    SELECT *, 0 AS nearness, subnet AS place FROM named WHERE subnet IS NOT NULL AND len(groups) = 0
    UNION ALL SELECT *, 1, zone FROM named WHERE zone IS NOT NULL AND len(groups) = 0
    UNION ALL SELECT *, 2, '' FROM named WHERE len(groups) = 0
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
), seen AS (
    SELECT b.*, t.number, t.breaks
    FROM blind b
    JOIN stretch t ON t.sweep = b.sweep AND t.symptom_key = b.symptom_key
        AND t.account IS NOT DISTINCT FROM b.account AND t.vpc IS NOT DISTINCT FROM b.vpc
), own AS (
    SELECT * EXCLUDE (is_said)
    FROM (
        SELECT b.*, g.cause_key, g.is_said
        FROM seen b JOIN of_group g ON g.symptom_key = b.symptom_key AND g.breaks = b.breaks
            AND g.account IS NOT DISTINCT FROM b.account AND g.vpc IS NOT DISTINCT FROM b.vpc
            AND list_has_all(b.groups, g.groups)
        QUALIFY row_number() OVER (
            PARTITION BY b.sweep, b.account, b.vpc, b.zone, b.subnet, b.groups, b.symptom_key, g.cause_key
            ORDER BY abs(g.number - b.number), g.number
        ) = 1
    )
    WHERE is_said
), near AS (
    SELECT b.*, m.cause_key
    FROM seen b
    JOIN majority m ON m.symptom_key = b.symptom_key AND m.breaks = b.breaks
        AND m.account IS NOT DISTINCT FROM b.account AND m.vpc IS NOT DISTINCT FROM b.vpc
        AND m.place IS NOT DISTINCT FROM CASE m.nearness WHEN 0 THEN b.subnet WHEN 1 THEN b.zone ELSE '' END
    LEFT JOIN well_subnet w ON w.sweep = b.sweep AND w.subnet = b.subnet AND w.symptom_key = b.symptom_key
        AND w.account IS NOT DISTINCT FROM b.account AND w.vpc IS NOT DISTINCT FROM b.vpc
    LEFT JOIN (
        SELECT DISTINCT * EXCLUDE (cause_key) FROM own
    ) o ON o.sweep = b.sweep AND o.symptom_key = b.symptom_key AND o.groups = b.groups
        AND o.account IS NOT DISTINCT FROM b.account AND o.vpc IS NOT DISTINCT FROM b.vpc
        AND o.zone IS NOT DISTINCT FROM b.zone AND o.subnet IS NOT DISTINCT FROM b.subnet
    WHERE m.nearness = 0 OR (o.sweep IS NULL AND (m.code NOT IN ('VPC006', 'VPC007') OR w.subnet IS NULL))
    QUALIFY rank() OVER (
        PARTITION BY b.sweep, b.account, b.vpc, b.zone, b.subnet, b.groups, b.symptom_key
        ORDER BY m.nearness, abs(m.number - b.number), m.number
    ) = 1
)
SELECT sweep, account, vpc, zone, subnet, groups, symptom_key, cause_key
FROM (FROM own UNION ALL FROM near)
WHERE symptom_key <> cause_key
