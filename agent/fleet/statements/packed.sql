-- The content of the new file: the records of the existing file and the new ones. If a record is in both, one copy is
-- kept.
CREATE OR REPLACE TABLE packed AS
SELECT * EXCLUDE (account, region)
FROM (
    SELECT * EXCLUDE (day)
    FROM packable
    WHERE account = getvariable('account') AND region = getvariable('region') AND day = getvariable('day')
    UNION ALL SELECT * EXCLUDE (day) FROM packed_before
)
QUALIFY row_number() OVER (PARTITION BY host, run ORDER BY taken_at DESC) = 1
