-- The numbers of hosts, and of hosts that are not well, by sweep and minute.
SELECT p.sweep, p.minute, count(*), count(*) FILTER (r.status NOT IN ('ok', 'not-in-use'))
FROM placed p JOIN record r ON r.id = p.record
GROUP BY p.sweep, p.minute
ORDER BY p.sweep, p.minute
