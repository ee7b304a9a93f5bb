-- The hosts that were not heard from, each with its last record.
SELECT
    m.name, r.taken_at, r.region, r.account, r.vpc, r.subnet, r.zone, r.image, r.instance_type, r.tool, r.place
FROM missing m
LEFT JOIN (
    FROM placed QUALIFY row_number() OVER (PARTITION BY host ORDER BY minute DESC, record DESC) = 1
) l ON l.host = m.host
LEFT JOIN record r ON r.id = l.record
ORDER BY m.name, m.host
