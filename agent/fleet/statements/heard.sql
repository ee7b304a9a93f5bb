-- The newest record of each host in each sweep, not older than a given minute.
CREATE TABLE heard AS
SELECT record, sweep, account, name, host, minute, redacted
FROM timed
WHERE minute >= getvariable('begin')
QUALIFY row_number() OVER (PARTITION BY sweep, host ORDER BY minute DESC, taken_at DESC, record DESC) = 1
