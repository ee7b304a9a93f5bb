-- The commands with their middle minutes and numbers of hosts, in order of time.
SELECT sweep, middle, hosts FROM command ORDER BY middle, sweep
