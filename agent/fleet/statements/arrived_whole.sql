-- Keeps the arrived records with all of their fields, which packing needs.
INSERT INTO whole BY NAME
SELECT
    * EXCLUDE (id, source, tag, "position", place, sweep, why, times, "last"),
    CASE WHEN try_cast(sweep AS DATE)::TEXT = sweep THEN sweep ELSE substr(taken_at, 1, 10) END AS day
FROM arrived
WHERE why IS NULL
