-- The times between two successive runs of a host in minutes, each with its frequency.
SELECT gap, count(*)
FROM (
    SELECT minute - lag(minute) OVER (PARTITION BY host ORDER BY minute) AS gap
    FROM timed
    WHERE sweep IS NULL AND NOT starts_with(host, '#') AND minute >= 0
)
WHERE gap > 0
GROUP BY gap
ORDER BY gap
