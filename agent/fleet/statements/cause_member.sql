-- The faults of all sweeps, each with its cause, or NULL if it belongs to none of the causes.
CREATE OR REPLACE TABLE cause_member AS
SELECT
    f.record, f.sweep, f.host, f.redacted, f.code, f.raw_key, f.severity, f.rank, f.joined,
    coalesce(k.key, s.key) AS key, coalesce(k.place, s.place) AS place, coalesce(k.severity, s.severity) AS cause_severity
FROM fault f
LEFT JOIN cause_key k ON k.raw_key = f.raw_key AND f.redacted = 0
LEFT JOIN ruled s ON s.code = f.code AND s.record = f.record AND f.redacted = 0 AND k.key IS NULL
