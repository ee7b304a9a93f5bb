-- Blind hosts: they did not read the configuration, and have a symptom for which other hosts of the VPC name a cause.
CREATE TABLE blind_host AS
SELECT p.sweep, r.account, r.vpc, r.zone, r.subnet, list_sort(list_distinct(r.security_groups)) AS groups,
    coalesce(w.whole, c.cause_key) AS symptom_key, p.host
FROM cause c JOIN placed p USING (record) JOIN record r ON r.id = c.record
LEFT JOIN path w ON w.key = c.cause_key
WHERE p.redacted = 0 AND r.ec2 = 0
    AND (r.account, r.vpc, coalesce(w.whole, c.cause_key)) IN (SELECT (account, vpc, symptom_key) FROM named_cause);
