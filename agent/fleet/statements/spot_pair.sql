-- How many hosts of a spot have both values of a pair, as far as it was asked.
CREATE OR REPLACE TABLE spot_pair (
    one INTEGER, other INTEGER, vpc INTEGER, account INTEGER, service_set INTEGER, hosts BIGINT
)
