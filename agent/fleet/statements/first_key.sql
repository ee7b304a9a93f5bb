-- For each cause, the key under which most hosts reported the cause in the sweep in which it began.
SELECT key, own_key
FROM (
    SELECT m.key, r.own_key, count(DISTINCT m.host) AS hosts
    FROM cause_member m
    JOIN begun b ON b.key = m.key AND b.sweep = m.sweep
    JOIN fault_row r ON r.record = m.record AND r.raw_key = coalesce(m.raw_key, r.raw_key)
    WHERE m.redacted = 0 AND r.own_key <> r.own_code
    GROUP BY m.key, r.own_key
)
QUALIFY row_number() OVER (PARTITION BY key ORDER BY hosts DESC, own_key) = 1
