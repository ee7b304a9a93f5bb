-- On how many hosts of a sweep one suppression took faults out.
SELECT count(DISTINCT host) FROM suppressed WHERE number = getvariable('number') AND sweep = getvariable('sweep')
