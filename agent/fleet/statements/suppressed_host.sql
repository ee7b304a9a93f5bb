-- The number of hosts of a sweep with a fault that a suppression removed.
SELECT count(DISTINCT host) FROM suppressed WHERE number = getvariable('number') AND sweep = getvariable('sweep')
