-- The keys of the faults that the explained hosts have, each with its number of hosts, its severity and its services.
SELECT e.q, raw_key, count(*) AS hosts, k.severity, (
    SELECT list(DISTINCT service) FROM key_service s WHERE s.raw_key = k.raw_key
) AS services, (
    SELECT bool_and(is_known) FROM key_service s WHERE s.raw_key = k.raw_key
) AS is_known
FROM explained e
JOIN question u USING (q)
JOIN fault_here f USING (record, code)
JOIN fault_key k USING (raw_key)
WHERE raw_key NOT IN (SELECT raw_key FROM evidence)
GROUP BY e.q, raw_key, k.raw_key, k.severity
