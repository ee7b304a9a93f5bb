-- Expects the hosts of an earlier sweep.
INSERT INTO expected
SELECT account, name FROM placed WHERE sweep = getvariable('sweep') AND NOT starts_with(host, '#')
