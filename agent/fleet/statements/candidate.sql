-- The keys of faults that may be shared causes, each as a question `q`. A fault of a single host is not shared.
CREATE OR REPLACE TABLE candidate AS
SELECT
    row_number() OVER (ORDER BY raw_key) AS q, k.raw_key, k.code, k.severity, k.hosts, d.is_named, d.reach,
    d.is_specific AND k.hosts >= getvariable('least') AS is_specific,
    coalesce((
        SELECT CASE WHEN bool_and(is_known) THEN list_sort(list(service)) END
        FROM key_service s WHERE s.raw_key = k.raw_key
    ), []) AS services
FROM fault_key k JOIN described d USING (raw_key)
WHERE k.hosts > 1
