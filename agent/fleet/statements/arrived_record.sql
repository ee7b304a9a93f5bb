-- Adds the arrived records to the table `record`.
INSERT INTO record
SELECT
    id, sweep, place, tool, run, taken_at, redacted::INTEGER, host, region, account, vpc, subnet, zone, image,
    instance_type, status, path, access, complete::INTEGER, ec2::INTEGER, summary, title, fix, security_groups, endpoints,
    resolvers, services, coalesce(list_contains(cut, 'causes'), false)::INTEGER
FROM arrived
WHERE why IS NULL
