-- For each security group that a cause names, the accounts and VPCs of the hosts that report this cause or have this
-- group.
WITH named AS (
    SELECT p.record, unnest(regexp_extract_all(c.cause_key, 'group=(sg-[0-9a-f]+)', 1)) AS value
    FROM cause c JOIN placed p USING (record)
    WHERE p.sweep = getvariable('sweep') AND p.redacted = 0
)
SELECT DISTINCT value, account, vpc
FROM (
    FROM named
    UNION ALL
    SELECT p.record, v.value
    FROM record_value v JOIN placed p USING (record)
    WHERE p.sweep = getvariable('sweep') AND p.redacted = 0 AND v.attribute = 'group' AND v.value IN (SELECT value FROM named)
) n JOIN record r ON r.id = n.record
ORDER BY ALL
