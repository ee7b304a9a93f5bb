-- The single question about silent hosts: the values that they share.
CREATE OR REPLACE TABLE question AS
SELECT
    0::BIGINT AS q, 'missing' AS code, (SELECT count(*) FROM missing_record) AS sick,
    (SELECT count(*) FROM host) + (SELECT count(*) FROM missing_record) AS hosts,
    (SELECT count(DISTINCT trait) FROM held) AS tests, false AS is_repeated
