-- For each cause: how many hosts had it in the sweep that is compared, and of the hosts of either sweep how many had it when
-- they were heard from last, how many of those that have it now did not then, how many were never heard from, how many of
-- those that had it are heard from and have it no more, and how many are silent. A host that was silent is as it was.
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
