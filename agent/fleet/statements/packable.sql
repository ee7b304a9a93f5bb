-- The records that have a place in a lake: their account, Region and day are known, and the day is not yet to come, as
-- that of a clock that is wrong may be. What its host redacted has none.
CREATE OR REPLACE VIEW packable AS
FROM whole
WHERE NOT redacted
    AND regexp_full_match(account, '[0-9]{12}')
    AND regexp_full_match(region, '[a-z]{2,5}(-[a-z]{1,20}){1,2}-[0-9]{1,2}')
    AND try_cast(day AS DATE)::TEXT = day
    AND day <= getvariable('today')
