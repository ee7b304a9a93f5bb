-- Keys of earlier sweeps for a cause that has another key in the reported sweep: a recreated endpoint, for example, has
-- other addresses. Most hosts of the cause must have had the same code under the earlier key.
CREATE OR REPLACE TABLE renamed AS
WITH told AS (
    SELECT DISTINCT key, code, host FROM cause_member
    WHERE sweep = getvariable('sweep') AND key IS NOT NULL AND redacted = 0
), loose AS (
    SELECT DISTINCT m.sweep, m.code, m.raw_key, m.host
    FROM cause_member m JOIN sweep_order o USING (sweep)
    WHERE m.key IS NULL AND m.redacted = 0 AND m.raw_key <> m.code
        AND o.number < (SELECT number FROM sweep_order WHERE sweep = getvariable('sweep'))
        AND m.code IN (SELECT code FROM told)
), met AS (
    SELECT l.sweep, l.raw_key, t.key, count(*) AS hosts FROM loose l JOIN told t USING (code, host)
    GROUP BY l.sweep, l.raw_key, t.key
    HAVING count(*) > 1
), of_raw AS (
    SELECT l.sweep, l.raw_key, count(*) AS hosts
    FROM loose l SEMI JOIN (FROM placed WHERE sweep = getvariable('sweep')) p USING (host)
    GROUP BY l.sweep, l.raw_key
), of_told AS (
    SELECT m.sweep, t.key, count(*) AS hosts
    FROM (SELECT DISTINCT sweep, key FROM met) m JOIN told t USING (key) SEMI JOIN placed p USING (sweep, host)
    GROUP BY m.sweep, t.key
)
SELECT m.sweep, m.raw_key, m.key
FROM met m JOIN of_raw r USING (sweep, raw_key) JOIN of_told t ON t.sweep = m.sweep AND t.key = m.key
WHERE 2 * m.hosts >= r.hosts AND 2 * m.hosts >= t.hosts
QUALIFY row_number() OVER (PARTITION BY m.sweep, m.raw_key ORDER BY m.hosts DESC, m.key) = 1
