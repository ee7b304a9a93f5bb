-- Adds the arrived pieces that could not be read.
INSERT INTO unreadable
SELECT id, place, why, times FROM arrived WHERE why IS NOT NULL
