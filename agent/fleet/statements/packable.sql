-- The records that can be packed: their account, Region and day are known, their host did not redact them, and the day
-- is not in the future, as it may be if the host's clock is wrong.
CREATE OR REPLACE VIEW packable AS
FROM whole
WHERE NOT redacted
    AND regexp_full_match(account, '[0-9]{12}')
    AND regexp_full_match(region, '[a-z]{2,5}(-[a-z]{1,20}){1,2}-[0-9]{1,2}')
    AND try_cast(day AS DATE)::TEXT = day
    AND day <= getvariable('today')
