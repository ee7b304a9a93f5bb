-- Keeps the records among what arrived whole, as packing needs them.
INSERT INTO whole BY NAME
SELECT * EXCLUDE (id, source, tag, "position", place, sweep, why, times, "last") FROM arrived WHERE why IS NULL
