-- Removes the hosts of keys that are not causes.
DELETE FROM member WHERE q NOT IN (SELECT q FROM evidence)
