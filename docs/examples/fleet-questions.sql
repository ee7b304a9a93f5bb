-- Ten questions over the records and the answers of a fleet (docs/fleet-join.md). The text of each is the same for Athena,
-- Trino, Spark and DuckDB: they say where NULL comes in an order and divide no integers, in which the engines differ. A
-- host is an id in an account, so no question counts or joins only by the id. A test runs all of them.

-- Which causes do hosts share, on how many of those that could have them, since when?
SELECT cause_key, severity, title, count(*) AS hosts, max(exposed) AS exposed, min(since) AS since
FROM answer
WHERE dt = '2026-01-15' AND counted AND shared
GROUP BY cause_key, severity, title
ORDER BY hosts DESC, cause_key NULLS LAST;

-- Which hosts have one cause, and where are they?
SELECT host, account, region, vpc, subnet, zone
FROM answer
WHERE dt = '2026-01-15' AND cause_key = 'VPC005|group=sg-0a1b2c3d4e5f67890|port=1027'
ORDER BY host NULLS LAST;

-- What do the hosts with a cause have in common, where no id names it?
SELECT cause_key, in_common, count(*) AS hosts
FROM answer
WHERE dt = '2026-01-15' AND named_by = 'shared'
GROUP BY cause_key, in_common
ORDER BY hosts DESC, cause_key NULLS LAST;

-- How many hosts of each account are well?
SELECT account, count(DISTINCT host) AS hosts, count(DISTINCT CASE WHEN status = 'ok' THEN host END) AS well
FROM answer
WHERE dt = '2026-01-15' AND status <> 'not-heard-from'
GROUP BY account
ORDER BY hosts DESC, account NULLS LAST;

-- Which causes are new since the day before?
SELECT a.cause_key, a.title, count(*) AS hosts
FROM answer AS a
LEFT JOIN answer AS b ON b.dt = '2026-01-14' AND b.shared AND b.cause_key = a.cause_key
WHERE a.dt = '2026-01-15' AND a.shared AND b.cause_key IS NULL
GROUP BY a.cause_key, a.title
ORDER BY hosts DESC, a.cause_key NULLS LAST;

-- How many hosts had each cause on each day?
SELECT dt, cause_key, count(*) AS hosts
FROM answer
WHERE dt BETWEEN '2026-01-11' AND '2026-01-15' AND shared
GROUP BY dt, cause_key
ORDER BY cause_key NULLS LAST, dt NULLS LAST;

-- Which hosts were not heard from, and where were they last?
SELECT host, taken_at, account, region, vpc, subnet
FROM answer
WHERE dt = '2026-01-15' AND status = 'not-heard-from'
ORDER BY host NULLS LAST;

-- Which faults of their own do single hosts have?
SELECT code, severity, title, count(*) AS hosts
FROM answer
WHERE dt = '2026-01-15' AND counted AND NOT shared
GROUP BY code, severity, title
ORDER BY hosts DESC, code NULLS LAST, severity NULLS LAST;

-- How much of all days of all hosts was well?
SELECT round(avg(well), 4) AS well
FROM (
  SELECT dt, account, host, max(CASE WHEN status = 'ok' THEN 1.0E0 ELSE 0.0E0 END) AS well
  FROM answer
  WHERE dt BETWEEN '2026-01-11' AND '2026-01-15' AND status <> 'not-heard-from' AND host IS NOT NULL
  GROUP BY dt, account, host
) AS days;

-- What do the hosts with a shared cause say themselves, and does each read EC2?
SELECT cause_key, summary, ec2, count(*) AS hosts
FROM (
  SELECT DISTINCT a.cause_key, a.account, a.host, r.summary, r.ec2
  FROM answer AS a
  JOIN record AS r ON r.dt = a.dt AND r.account = a.account AND r.host = a.host
  WHERE a.dt = '2026-01-15' AND a.counted AND a.shared
) AS said
GROUP BY cause_key, summary, ec2
ORDER BY cause_key NULLS LAST, hosts DESC, summary NULLS LAST, ec2 NULLS LAST;
