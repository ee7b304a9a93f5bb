-- How many records of a sweep were redacted by their hosts.
SELECT count(*) FROM placed WHERE sweep = getvariable('sweep') AND redacted = 1
