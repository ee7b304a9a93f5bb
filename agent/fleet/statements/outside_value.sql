-- What the hosts have that are counted besides the spots, or set aside.
CREATE OR REPLACE TABLE outside_value AS
SELECT q, trait, sum(sign)::BIGINT AS hosts
FROM outside JOIN held USING (record)
GROUP BY q, trait
