-- The values of the hosts that are added or subtracted, with the number of these hosts.
CREATE OR REPLACE TABLE outside_value AS
SELECT q, trait, sum(sign)::BIGINT AS hosts
FROM outside JOIN held USING (record)
GROUP BY q, trait
