-- Those of an earlier sweep.
INSERT INTO expected
SELECT host FROM placed WHERE sweep = getvariable('sweep') AND redacted = 0 AND NOT starts_with(host, '#')
