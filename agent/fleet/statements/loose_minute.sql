-- The minutes of records whose place names no sweep.
SELECT DISTINCT minute FROM timed WHERE sweep IS NULL ORDER BY minute
