-- The keys with addresses among causes and symptoms, with their numbers of records.
SELECT key, count(*)
FROM (
    SELECT cause_key AS key FROM cause JOIN placed USING (record) WHERE redacted = 0
    UNION ALL SELECT symptom_key FROM symptom JOIN placed USING (record) WHERE redacted = 0
)
WHERE contains(key, '|address=')
GROUP BY key
ORDER BY key
