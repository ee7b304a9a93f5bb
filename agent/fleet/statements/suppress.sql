-- Adds the faults that a suppression names to the table `suppressed`.
INSERT INTO suppressed
SELECT record, sweep, host, getvariable('number')
FROM fault_row
WHERE (code = getvariable('code') OR own_code = getvariable('code'))
    AND (getvariable('target') IS NULL OR target = getvariable('target'))
    AND (getvariable('part') IS NULL OR contains(raw_key || '|', getvariable('part')))
