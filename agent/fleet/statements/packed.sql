-- What it is to have: its records and the new ones. Of a record that comes twice one is kept.
CREATE OR REPLACE TABLE packed AS
SELECT * EXCLUDE (account, region)
FROM (
    SELECT * EXCLUDE (day)
    FROM packable
    WHERE account = getvariable('account') AND region = getvariable('region') AND day = getvariable('day')
    UNION ALL SELECT * EXCLUDE (day) FROM packed_before
)
QUALIFY row_number() OVER (PARTITION BY host, run ORDER BY taken_at DESC) = 1
