-- Adds the faults that a suppression names to the table `lapsed`.
INSERT INTO lapsed
SELECT DISTINCT record, own_key, target
FROM fault_row
WHERE (code = getvariable('code') OR own_code = getvariable('code'))
    AND (getvariable('target') IS NULL OR target = getvariable('target'))
    AND (getvariable('part') IS NULL OR contains(raw_key || '|', getvariable('part')))
