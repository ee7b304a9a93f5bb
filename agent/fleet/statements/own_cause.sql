-- Missing rules of security groups that are the cause for a blind host because the host has these groups. Other hosts
-- with these groups that read the configuration decide: in the nearest sweep of the stretch that has such hosts, at
-- least one of them must have named the rule.
CREATE TABLE own_cause AS
WITH reader AS (
    SELECT p.host, p.sweep, r.account, r.vpc, r.security_groups AS groups
    FROM placed p JOIN record r ON r.id = p.record
    WHERE p.redacted = 0 AND r.ec2 = 1
), of_group AS (
    SELECT n.account, n.vpc, n.symptom_key, n.cause_key, n.groups, t.breaks, t.number, bool_or(v.host IS NOT NULL) AS is_said
    FROM (SELECT DISTINCT account, vpc, symptom_key, cause_key, groups FROM named_cause WHERE len(groups) > 0) n
    JOIN stretch t ON t.symptom_key = n.symptom_key
        AND t.account IS NOT DISTINCT FROM n.account AND t.vpc IS NOT DISTINCT FROM n.vpc
    JOIN reader r ON r.sweep = t.sweep AND list_has_all(r.groups, n.groups)
        AND r.account IS NOT DISTINCT FROM n.account AND r.vpc IS NOT DISTINCT FROM n.vpc
    LEFT JOIN named_cause v ON v.host = r.host AND v.sweep = r.sweep AND v.symptom_key = n.symptom_key
        AND v.cause_key = n.cause_key
    GROUP BY n.account, n.vpc, n.symptom_key, n.cause_key, n.groups, t.breaks, t.number
)
SELECT * EXCLUDE (is_said)
FROM (
    SELECT b.*, g.cause_key, g.is_said
    FROM blind_seen b JOIN of_group g ON g.symptom_key = b.symptom_key AND g.breaks = b.breaks
        AND g.account IS NOT DISTINCT FROM b.account AND g.vpc IS NOT DISTINCT FROM b.vpc
        AND list_has_all(b.groups, g.groups)
    QUALIFY row_number() OVER (
        PARTITION BY b.sweep, b.account, b.vpc, b.zone, b.subnet, b.groups, b.symptom_key, g.cause_key
        ORDER BY abs(g.number - b.number), g.number
    ) = 1
)
WHERE is_said;
