-- The causes by evidence as rows for Python.
SELECT q, raw_key, code, severity, services, is_named, hosts, exposed FROM evidence ORDER BY q
