-- The faults of each host: a cause that it found itself or, for a host that did not read EC2, the cause that other
-- hosts or central facts give to its symptom. In a redacted record, the key has no ids.
CREATE TABLE fault_row AS
SELECT *, split_part(raw_key, '|', 1) AS code, CASE WHEN raw_key = own_key OR redacted = 1 THEN 0 ELSE 1 END AS joined
FROM (
    SELECT
        p.record, p.sweep, p.host, p.redacted, c.code AS own_code, c.target, c.cause_key AS own_key, c.rank,
        CASE c.severity WHEN 'critical' THEN 0 WHEN 'warning' THEN 1 ELSE 2 END AS severity,
        CASE
            WHEN p.redacted = 1 THEN c.code || '|redacted'
            WHEN r.ec2 = 1 THEN c.cause_key
            ELSE coalesce(x.cause_key, f.cause_key, c.cause_key)
        END AS raw_key
    FROM cause c
    JOIN placed p USING (record)
    JOIN record r ON r.id = c.record
    LEFT JOIN path w ON w.key = c.cause_key
    LEFT JOIN explained_symptom x ON x.sweep = p.sweep AND x.symptom_key = coalesce(w.whole, c.cause_key)
        AND x.account IS NOT DISTINCT FROM r.account AND x.vpc IS NOT DISTINCT FROM r.vpc
        AND x.zone IS NOT DISTINCT FROM r.zone AND x.subnet IS NOT DISTINCT FROM r.subnet
        AND x.groups = list_sort(list_distinct(r.security_groups))
    LEFT JOIN central f ON f.symptom_key = c.cause_key AND f.account IS NOT DISTINCT FROM r.account AND f.vpc = r.vpc
        AND f.subnet IS NOT DISTINCT FROM r.subnet
        AND f.groups = list_sort(list_distinct(r.security_groups))
)
