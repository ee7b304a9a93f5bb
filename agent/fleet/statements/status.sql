-- The numbers of hosts by the verdict in their record, and by their verdict without suppressed faults.
SELECT status, known, causes_cut, count(*)
FROM (
    SELECT
        r.status, r.causes_cut,
        CASE
            WHEN s.record IS NULL OR r.status NOT IN ('critical', 'warning') THEN r.status
            WHEN w.worst = 0 THEN 'critical'
            WHEN w.worst = 1 THEN 'warning'
            ELSE 'ok'
        END AS known
    FROM placed p
    JOIN record r ON r.id = p.record
    LEFT JOIN (SELECT DISTINCT record FROM suppressed) s ON s.record = p.record
    LEFT JOIN (SELECT record, min(severity) AS worst FROM fault GROUP BY record) w ON w.record = p.record
    WHERE p.sweep = getvariable('sweep')
)
GROUP BY status, known, causes_cut
