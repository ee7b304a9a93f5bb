-- The sweeps in which a symptom could be seen in a VPC, each with the number of breaks up to it. A break is a sweep
-- without the symptom although at least half of the VPC's hosts took part. Sweeps with the same number of breaks form a
-- stretch.
CREATE TABLE stretch AS
WITH present AS (
    SELECT DISTINCT sweep, account, vpc, symptom_key FROM blind_host
    UNION SELECT DISTINCT sweep, account, vpc, symptom_key FROM named_cause
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
)
SELECT *, count(*) FILTER (NOT is_there) OVER (
    PARTITION BY account, vpc, symptom_key ORDER BY number
) AS breaks
FROM asked;
