-- Reads every value of a file of the cache. It fails if the file is damaged or has other columns.
SELECT
    sum(len(source)), sum(len(tag)), sum("position"::BIGINT), sum(len(place)), sum(len(sweep)), sum(len(why)),
    sum(times::BIGINT), sum("last"::BIGINT), sum(len(tool)), sum(len(run)), sum(len(taken_at)), sum(redacted::BIGINT),
    sum(len(host)), sum(len(region)), sum(len(account)), sum(len(vpc)), sum(len(subnet)), sum(len(zone)),
    sum(len(image)), sum(len(instance_type)), sum(len(array_to_string(security_groups, ''))),
    sum(len(array_to_string(resolvers, ''))), sum(len(array_to_string(endpoints, ''))),
    sum(len(array_to_string(services, ''))), sum(len(status)), sum(len(path)), sum(len(access)),
    sum(complete::BIGINT), sum(ec2::BIGINT), sum(len(summary)), sum(len(array_to_string(causes, ''))),
    sum(len(array_to_string(symptoms, ''))), sum(len(title)), sum(len(fix)), sum(len(array_to_string(cut, '')))
FROM read_parquet(getvariable('part'))
