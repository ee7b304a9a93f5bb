-- How many hosts there are in each VPC, in each account and everywhere, by the services that they need.
CREATE OR REPLACE TABLE spot AS
SELECT 'vpc' AS reach, vpc AS place, service_set, count(*) AS hosts FROM host GROUP BY vpc, service_set
UNION ALL SELECT 'account', account, service_set, count(*) FROM host GROUP BY account, service_set
UNION ALL SELECT 'everywhere', 0, service_set, count(*) FROM host GROUP BY service_set
