-- What most hosts of a sweep, of one VPC and account, that found the cause of a symptom say that it is. A symptom that
-- most of those found no cause of is not in it; nor is a cause that says nothing of other hosts. Hosts of another VPC or
-- account say nothing of these: who writes records there could name any cause.
CREATE TABLE explained_symptom AS
WITH counted AS (
    SELECT p.sweep, r.account, r.vpc, s.symptom_key, s.cause_key, count(DISTINCT p.host) AS hosts
    FROM symptom s JOIN placed p USING (record) JOIN record r ON r.id = s.record
    WHERE p.redacted = 0 AND s.symptom_key <> s.code
        AND NOT list_contains(getvariable('of_hosts'), split_part(s.cause_key, '|', 1))
    GROUP BY p.sweep, r.account, r.vpc, s.symptom_key, s.cause_key
    UNION ALL
    SELECT p.sweep, r.account, r.vpc, c.cause_key, c.cause_key, count(DISTINCT p.host)
    FROM cause c JOIN placed p USING (record) JOIN record r ON r.id = c.record
    WHERE p.redacted = 0 AND r.ec2 = 1 AND c.cause_key <> c.code
    GROUP BY p.sweep, r.account, r.vpc, c.cause_key
), first AS (
    FROM counted
    QUALIFY row_number() OVER (PARTITION BY sweep, account, vpc, symptom_key ORDER BY hosts DESC, cause_key) = 1
)
SELECT sweep, account, vpc, symptom_key, cause_key FROM first WHERE symptom_key <> cause_key
