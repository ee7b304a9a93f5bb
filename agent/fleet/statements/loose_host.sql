-- The number of hosts among the records whose place names no sweep, without unnamed hosts and unreadable times.
SELECT count(DISTINCT host) FROM timed WHERE sweep IS NULL AND NOT starts_with(host, '#') AND minute >= 0
