-- The values that hosts with a code need for it to be a cause: one row a value.
CREATE OR REPLACE TABLE cause_rule (
    code TEXT, key TEXT, place INTEGER, severity INTEGER, round INTEGER, is_nearly_all BOOLEAN, words INTEGER,
    attribute TEXT, value TEXT
)
