-- How many hosts with a name and a time these records are of.
SELECT count(DISTINCT host) FROM timed WHERE sweep IS NULL AND NOT starts_with(host, '#') AND minute >= 0
