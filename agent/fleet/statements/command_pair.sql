-- Pairs of commands that ran within a number of minutes on different hosts: at most a tenth of the hosts of either ran
-- both.
WITH pair AS (
    SELECT a.sweep AS one, b.sweep AS other, least(a.hosts, b.hosts) AS hosts
    FROM command a JOIN command b ON (b.middle, b.sweep) > (a.middle, a.sweep)
    WHERE b.middle - a.middle < getvariable('minutes')
), met AS (
    SELECT p.one, p.other, count(DISTINCT x.host) AS hosts
    FROM pair p JOIN timed x ON x.sweep = p.one JOIN timed y ON y.sweep = p.other AND y.host = x.host
    GROUP BY p.one, p.other
)
SELECT p.one, p.other
FROM pair p LEFT JOIN met m USING (one, other)
WHERE 10 * coalesce(m.hosts, 0) <= p.hosts
