-- The values that identify a cause: a fault with this code belongs to the cause if its host has all of them. Each value
-- has one row.
CREATE OR REPLACE TABLE cause_rule (
    code TEXT, key TEXT, place INTEGER, severity INTEGER, round INTEGER, is_nearly_all BOOLEAN, words INTEGER,
    attribute TEXT, value TEXT
)
