-- The host and the time of each record. A host is an id in an account, since another account can use any id. A redacted
-- record has a masked name, which may stand for another host in the next record, so each such run counts as a host of
-- its own. The day of a folder overrides the host's clock if they differ by more than a day. A day in the future is
-- replaced by the last day that is not in the future.
CREATE TABLE timed AS
WITH dated AS (
    SELECT
        r.id AS record, r.sweep, r.host AS name, m.minute, r.redacted, r.taken_at,
        coalesce(r.account, nullif(regexp_extract(r.place, '/account=([0-9]+)/', 1), '')) AS account,
        CASE WHEN r.redacted = 1 OR r.host IS NULL THEN r.run END AS run,
        CASE WHEN try_cast(r.sweep AS DATE)::TEXT = r.sweep THEN r.sweep END AS day
    FROM record r
    JOIN moment m ON m.stamp IS NOT DISTINCT FROM
        CASE WHEN ends_with(r.taken_at, 'Z') THEN substr(r.taken_at, 1, 16) ELSE r.taken_at END
), swept AS (
    SELECT *, CASE
        WHEN day > getvariable('today')
        THEN coalesce((SELECT max(day) FROM dated WHERE day <= getvariable('today')), getvariable('today'))
        ELSE day
    END AS counted
    FROM dated
), begun AS (
    SELECT *, (epoch(try_cast(counted AS TIMESTAMP)) // 60)::BIGINT AS begin FROM swept
)
SELECT
    record, coalesce(counted, sweep) AS sweep, account, name,
    CASE WHEN run IS NULL THEN concat(account, '/', name) ELSE concat('#', account, '/', run) END AS host,
    CASE WHEN is_off THEN begin ELSE minute END AS minute, redacted, taken_at, is_off
FROM (
    SELECT *, minute >= 0 AND begin IS NOT NULL AND minute NOT BETWEEN begin - 1440 AND begin + 2879 AS is_off
    FROM begun
)
