-- The faults of hosts, one row for each host and fault; `severity` is 0 for critical.
CREATE TABLE fault AS
SELECT record, sweep, host, redacted, code, raw_key, min(severity) AS severity, min(rank) AS rank, max(joined) AS joined
FROM fault_row
GROUP BY record, sweep, host, redacted, code, raw_key
