-- The commands in order of time.
SELECT sweep FROM command ORDER BY middle, sweep
