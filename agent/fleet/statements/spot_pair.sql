-- The numbers of hosts that have both values of a pair, by place and set of services, for the pairs that were counted.
CREATE OR REPLACE TABLE spot_pair (
    one INTEGER, other INTEGER, vpc INTEGER, account INTEGER, service_set INTEGER, hosts BIGINT
)
