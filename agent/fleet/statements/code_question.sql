-- The codes that enough hosts have, each as a question, with the services at which these faults were seen.
CREATE OR REPLACE TABLE code_question AS
WITH asked AS (SELECT code, count(*) AS hosts FROM pool GROUP BY code HAVING count(*) >= getvariable('least'))
SELECT
    (SELECT coalesce(max(q), 0) FROM candidate) + row_number() OVER (ORDER BY code) AS q, code, hosts,
    coalesce((
        SELECT CASE WHEN bool_and(s.is_known) THEN list_sort(list_distinct(list(s.service))) END
        FROM key_service s JOIN fault_key k USING (raw_key)
        WHERE k.code = asked.code AND k.raw_key NOT IN (SELECT raw_key FROM evidence)
    ), []) AS services
FROM asked
