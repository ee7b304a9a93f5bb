-- For each cause of the earlier sweep: the number of its hosts, of those that were heard from in the reported sweep, of
-- those that still have a fault with its code, and of those that were replaced. A fault that belongs to another cause,
-- which the host had before as well, does not count. A host counts as replaced if it is not heard from, and a host of
-- its VPC that was never heard from before does not have a fault with the code.
WITH heard AS (
    SELECT p.host, r.account, r.vpc, l.host IS NULL AS is_fresh
    FROM placed p JOIN record r ON r.id = p.record LEFT JOIN last_heard l ON l.host = p.host
    WHERE p.sweep = getvariable('told')
), ill AS (
    SELECT DISTINCT n.host, n.code
    FROM now_member n
    ANTI JOIN (FROM past_member WHERE sweep = getvariable('against')) p ON p.host = n.host AND p.key = n.key
    WHERE n.sweep = getvariable('told')
), had AS (
    SELECT DISTINCT m.key, m.code, m.host, r.account, r.vpc
    FROM past_member m JOIN record r ON r.id = m.record
    WHERE m.sweep = getvariable('against') AND m.key IS NOT NULL
), place AS (
    SELECT t.key, t.code, t.account, t.vpc, count(*) AS hosts, count(h.host) AS heard, count(n.host) AS still
    FROM had t LEFT JOIN heard h USING (host) LEFT JOIN ill n ON n.host = t.host AND n.code = t.code
    GROUP BY t.key, t.code, t.account, t.vpc
), fresh AS (
    SELECT c.code, h.account, h.vpc, count(*) AS hosts
    FROM (SELECT DISTINCT code FROM had) c CROSS JOIN heard h ANTI JOIN ill n ON n.host = h.host AND n.code = c.code
    WHERE h.is_fresh AND h.vpc IS NOT NULL
    GROUP BY c.code, h.account, h.vpc
)
SELECT p.key, sum(p.hosts)::BIGINT, sum(p.heard)::BIGINT, sum(p.still)::BIGINT,
    sum(least(p.hosts - p.heard, coalesce(f.hosts, 0)))::BIGINT
FROM place p LEFT JOIN fresh f ON f.code = p.code AND f.vpc = p.vpc AND f.account IS NOT DISTINCT FROM p.account
GROUP BY p.key
