-- The number of records that the existing file lacks.
SELECT count(*)
FROM packable w
WHERE account = getvariable('account') AND region = getvariable('region') AND day = getvariable('day')
    AND NOT EXISTS (FROM packed_before b WHERE b.host IS NOT DISTINCT FROM w.host AND b.run = w.run)
