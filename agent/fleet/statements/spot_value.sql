-- The numbers of hosts with each value in each spot. This is the only pass over all hosts.
CREATE OR REPLACE TABLE spot_value AS
WITH counted AS (
    SELECT vpc, account, service_set, trait, count(*) AS hosts
    FROM held JOIN host USING (record)
    GROUP BY vpc, account, service_set, trait
)
SELECT 'vpc' AS reach, vpc AS place, service_set, trait, sum(hosts)::BIGINT AS hosts
FROM counted GROUP BY vpc, service_set, trait
UNION ALL SELECT 'account', account, service_set, trait, sum(hosts)::BIGINT
FROM counted GROUP BY account, service_set, trait
UNION ALL SELECT 'everywhere', 0, service_set, trait, sum(hosts)::BIGINT
FROM counted GROUP BY service_set, trait
