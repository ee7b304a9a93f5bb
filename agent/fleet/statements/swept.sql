-- Assigns records whose place names no sweep to the sweep of their minute.
UPDATE timed SET sweep = span.sweep FROM span WHERE span.minute = timed.minute AND timed.sweep IS NULL
