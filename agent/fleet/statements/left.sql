-- Of the hosts of each earlier cause: all, those that were heard from in the told sweep, and those that still have a
-- fault of its code.
SELECT t.key, count(*), count(h.host), count(n.host)
FROM (SELECT DISTINCT key, host, code FROM past_member WHERE sweep = getvariable('against') AND key IS NOT NULL) t
LEFT JOIN (SELECT DISTINCT host FROM placed WHERE sweep = getvariable('told')) h ON h.host = t.host
LEFT JOIN (SELECT DISTINCT host, code FROM fault WHERE sweep = getvariable('told')) n
    ON n.host = t.host AND n.code = t.code
GROUP BY t.key
