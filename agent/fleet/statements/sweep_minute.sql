-- The hosts of each sweep by minute, and how many of them are not well.
SELECT p.sweep, p.minute, count(*), count(*) FILTER (r.status NOT IN ('ok', 'not-in-use'))
FROM placed p JOIN record r ON r.id = p.record
GROUP BY p.sweep, p.minute
ORDER BY p.sweep, p.minute
