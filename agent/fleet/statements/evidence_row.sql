-- What is told of the keys that are causes.
SELECT q, raw_key, code, severity, services, is_named, hosts, exposed FROM evidence ORDER BY q
