-- The area of the question about silent hosts, which could be anywhere.
CREATE OR REPLACE TABLE area AS
SELECT 0::BIGINT AS q, 'everywhere' AS reach, 0 AS place, []::TEXT[] AS services
