-- The services at whose targets faults with a key show, and whether hosts need them; those of a whole run have none.
CREATE OR REPLACE TABLE key_service AS
WITH known AS (SELECT DISTINCT unnest(services) AS service FROM service_set)
SELECT DISTINCT raw_key, split_part(target, '@', 1) AS service, split_part(target, '@', 1) IN (FROM known) AS is_known
FROM fault_target
WHERE sweep = getvariable('sweep')
