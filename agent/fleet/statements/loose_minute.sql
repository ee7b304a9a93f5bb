-- The minutes of records whose place does not tell their sweep.
SELECT DISTINCT minute FROM timed WHERE sweep IS NULL ORDER BY minute
