-- The causes that hosts name for symptoms. If a host that read the configuration has a cause without a symptom,
-- `symptom_key` is the key of the cause itself. `groups` are the security groups that a missing rule of a group is
-- about. A cause that is about the host alone is left out.
CREATE TABLE named_cause AS
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
)
SELECT *, CASE code WHEN 'VPC012' THEN regexp_extract_all(cause_key, 'group=(sg-[0-9a-f]+)', 1) ELSE [] END AS groups
FROM (SELECT *, split_part(cause_key, '|', 1) AS code FROM vote WHERE cause_key IS NOT NULL)
WHERE NOT list_contains(getvariable('of_hosts'), code) OR cause_key = symptom_key;
