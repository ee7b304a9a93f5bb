-- Symptoms that central facts may explain: faults that hosts found without a read of EC2 and that no other host
-- explains.
SELECT DISTINCT c.cause_key, c.target, r.account, r.vpc, r.subnet, list_sort(list_distinct(r.security_groups)) AS groups
FROM cause c
JOIN placed p USING (record)
JOIN record r ON r.id = c.record
LEFT JOIN path w ON w.key = c.cause_key
LEFT JOIN explained_symptom x ON x.sweep = p.sweep AND x.symptom_key = coalesce(w.whole, c.cause_key)
    AND x.account IS NOT DISTINCT FROM r.account AND x.vpc IS NOT DISTINCT FROM r.vpc
    AND x.zone IS NOT DISTINCT FROM r.zone AND x.subnet IS NOT DISTINCT FROM r.subnet
    AND x.groups = list_sort(list_distinct(r.security_groups))
WHERE r.ec2 = 0 AND p.redacted = 0 AND x.symptom_key IS NULL
ORDER BY ALL
