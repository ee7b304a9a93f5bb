-- The first hosts with each fault that no shared cause explains.
SELECT code, host
FROM (
    SELECT DISTINCT m.code, coalesce(r.host, r.place) AS host
    FROM assignment a
    JOIN record r ON r.id = a.record
    JOIN now_member m ON m.record = a.record AND m.raw_key = a.cause_key
    WHERE a.counted = 1 AND m.key IS NULL
)
QUALIFY row_number() OVER (PARTITION BY code ORDER BY host) <= getvariable('most')
ORDER BY code, host
