-- Who each record is of, and when it was made. A masked name is another host's in the next record, so each such run is a
-- host of its own.
CREATE TABLE timed AS
SELECT
    r.id AS record, r.sweep, CASE WHEN r.redacted = 1 OR r.host IS NULL THEN '#' || r.run ELSE r.host END AS host,
    m.minute, r.redacted, r.taken_at
FROM record r
JOIN moment m ON m.stamp IS NOT DISTINCT FROM
    CASE WHEN ends_with(r.taken_at, 'Z') THEN substr(r.taken_at, 1, 16) ELSE r.taken_at END
