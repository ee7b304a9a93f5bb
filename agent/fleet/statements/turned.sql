-- For each cause, numbers of hosts. `before`: hosts that had it in the earlier sweep. `had`: hosts that had it when
-- they were last heard from up to that sweep. `came`: hosts that have it now but did not have it then. `fresh`: hosts
-- that have it now and were never heard from then. `went`: hosts that had it and were heard from again without it.
-- `silent`: hosts that had it and were not heard from again; they count as still having it.
WITH now_host AS (
    SELECT DISTINCT key, host FROM now_member WHERE sweep = getvariable('told') AND key IS NOT NULL
), heard AS (
    SELECT DISTINCT host FROM placed WHERE sweep = getvariable('told')
), had AS (
    SELECT DISTINCT m.key, m.host
    FROM now_member m JOIN last_heard l USING (host, sweep)
    WHERE m.key IS NOT NULL
        AND (l.sweep = getvariable('against') OR m.host IN (SELECT host FROM heard))
), counted AS (
    SELECT key, 0 AS before, 1 AS had, 0 AS came, 0 AS fresh, (h.host IS NOT NULL AND n.host IS NULL)::INTEGER AS went,
        (h.host IS NULL)::INTEGER AS silent
    FROM had LEFT JOIN heard h USING (host) LEFT JOIN now_host n USING (key, host)
    UNION ALL
    SELECT n.key, 0, 0, (l.host IS NOT NULL AND d.host IS NULL)::INTEGER, (l.host IS NULL)::INTEGER, 0, 0
    FROM now_host n LEFT JOIN last_heard l USING (host) LEFT JOIN had d USING (key, host)
    UNION ALL
    SELECT DISTINCT ON (key, host) key, 1, 0, 0, 0, 0, 0
    FROM now_member WHERE sweep = getvariable('against') AND key IS NOT NULL
)
SELECT key, sum(before)::BIGINT, sum(had)::BIGINT, sum(came)::BIGINT, sum(fresh)::BIGINT, sum(went)::BIGINT,
    sum(silent)::BIGINT
FROM counted
GROUP BY key
