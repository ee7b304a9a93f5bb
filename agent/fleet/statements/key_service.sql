-- For each key, the services at whose targets its fault was seen, and whether any host needs that service. A fault of a
-- whole run has an empty service.
CREATE OR REPLACE TABLE key_service AS
WITH known AS (SELECT DISTINCT unnest(services) AS service FROM service_set)
SELECT DISTINCT raw_key, split_part(target, '@', 1) AS service, split_part(target, '@', 1) IN (FROM known) AS is_known
FROM fault_target
WHERE sweep = getvariable('sweep')
