-- The fleet as a table, one row for each host and cause.
CREATE OR REPLACE TABLE shown (
    sweep TEXT, taken_at TEXT, host TEXT, region TEXT, account TEXT, vpc TEXT, subnet TEXT, zone TEXT, image TEXT,
    instance_type TEXT, tool TEXT, status TEXT, path TEXT, access TEXT, complete BOOLEAN, redacted BOOLEAN, summary TEXT,
    place TEXT, code TEXT, name TEXT, severity TEXT, title TEXT, cause_key TEXT, shared BOOLEAN, counted BOOLEAN,
    by_symptom BOOLEAN, named_by TEXT, in_common TEXT, exposed BIGINT, since TEXT
)
