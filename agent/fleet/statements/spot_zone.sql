-- The numbers of hosts of each spot by zone.
CREATE OR REPLACE TABLE spot_zone AS
SELECT 'vpc' AS reach, vpc AS place, service_set, vpc, zone, count(*) AS hosts FROM host GROUP BY vpc, service_set, zone
UNION ALL SELECT 'account', account, service_set, vpc, zone, count(*) FROM host GROUP BY account, service_set, vpc, zone
UNION ALL SELECT 'everywhere', 0, service_set, vpc, zone, count(*) FROM host GROUP BY service_set, vpc, zone
