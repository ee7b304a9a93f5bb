-- Moves the records of commands in the table `together` into the sweep of the earlier command.
UPDATE timed SET sweep = t.earlier FROM together t WHERE t.sweep = timed.sweep
