-- Gives each record the sweep of its minute where its place does not tell it.
UPDATE timed SET sweep = span.sweep FROM span WHERE span.minute = timed.minute AND timed.sweep IS NULL
