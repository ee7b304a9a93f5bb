-- The different sets of services that hosts of a sweep need, by number.
CREATE OR REPLACE TABLE service_set AS
SELECT (row_number() OVER (ORDER BY services))::INTEGER AS service_set, services
FROM (
    SELECT DISTINCT list_sort(list_distinct(r.services)) AS services
    FROM placed p JOIN record r ON r.id = p.record
    WHERE p.sweep = getvariable('sweep') AND p.redacted = 0
)
