-- The records that have a place in a lake: their account, Region and day are known.
CREATE OR REPLACE VIEW packable AS
SELECT *, substr(taken_at, 1, 10) AS day
FROM whole
WHERE regexp_full_match(account, '[0-9]{12}')
    AND regexp_full_match(region, '[a-z0-9-]{1,63}')
    AND regexp_full_match(substr(taken_at, 1, 10), '[0-9]{4}-[0-9]{2}-[0-9]{2}')
