-- The hosts of a sweep, each with its record and its faults. `critical` sorts before `warning`, so the minimum of
-- several severities is the worst.
SELECT
    p.sweep, r.taken_at, r.host, r.region, r.account, r.vpc, r.subnet, r.zone, r.image, r.instance_type, r.tool, r.status,
    r.path, r.access, r.complete, r.redacted, r.summary, r.place, a.cause_key, a.counted, a.by_symptom, (
        SELECT min(c.severity) FROM cause c WHERE c.record = r.id AND c.cause_key = a.cause_key
    )
FROM placed p
JOIN record r ON r.id = p.record
LEFT JOIN assignment a ON a.record = r.id
WHERE p.sweep = getvariable('sweep')
ORDER BY r.host, r.id, a.counted DESC, a.cause_key
