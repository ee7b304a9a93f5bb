-- The faults that no shared cause explains, by code. A host counts only once, and only if it has no shared cause that
-- is as bad.
SELECT m.code, min(m.severity), count(DISTINCT a.record)
FROM assignment a JOIN now_member m ON m.record = a.record AND m.raw_key = a.cause_key
WHERE a.counted = 1 AND m.key IS NULL
GROUP BY m.code
