-- The number of hosts that have each cause in each sweep.
SELECT key, sweep, count(DISTINCT record) FROM cause_member WHERE key IS NOT NULL GROUP BY key, sweep
