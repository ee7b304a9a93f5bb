-- For each cause of the earlier sweep: the number of its hosts, of those that were heard from in the reported sweep,
-- and of those that still have a fault with its code.
SELECT t.key, count(*), count(h.host), count(n.host)
FROM (SELECT DISTINCT key, host, code FROM past_member WHERE sweep = getvariable('against') AND key IS NOT NULL) t
LEFT JOIN (SELECT DISTINCT host FROM placed WHERE sweep = getvariable('told')) h ON h.host = t.host
LEFT JOIN (SELECT DISTINCT host, code FROM fault WHERE sweep = getvariable('told')) n
    ON n.host = t.host AND n.code = t.code
GROUP BY t.key
