-- The numbers of hosts by the set of services that they need, in each VPC, in each account and everywhere. A spot is
-- one such combination of a place and a set of services.
CREATE OR REPLACE TABLE spot AS
SELECT 'vpc' AS reach, vpc AS place, service_set, count(*) AS hosts FROM host GROUP BY vpc, service_set
UNION ALL SELECT 'account', account, service_set, count(*) FROM host GROUP BY account, service_set
UNION ALL SELECT 'everywhere', 0, service_set, count(*) FROM host GROUP BY service_set
