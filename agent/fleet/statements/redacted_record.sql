-- The number of records in a sweep that their hosts redacted.
SELECT count(*) FROM placed WHERE sweep = getvariable('sweep') AND redacted = 1
