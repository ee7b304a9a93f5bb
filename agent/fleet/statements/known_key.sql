-- The causes with ids that hosts found themselves, the most frequent first.
SELECT c.cause_key
FROM cause c JOIN placed p USING (record)
WHERE p.redacted = 0 AND c.cause_key <> c.code
GROUP BY c.cause_key
ORDER BY count(*) DESC, c.cause_key
