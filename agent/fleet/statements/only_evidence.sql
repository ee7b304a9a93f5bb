-- Drops the members of keys that are no causes.
DELETE FROM member WHERE q NOT IN (SELECT q FROM evidence)
