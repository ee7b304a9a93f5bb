-- The different values of attributes that hosts of any sweep have, by number; values of the attributes nearest to a fix
-- come first.
CREATE TABLE trait AS
SELECT (row_number() OVER (ORDER BY nearness, value))::INTEGER AS trait, attribute, nearness, value
FROM (
    SELECT DISTINCT attribute, nearness, value
    FROM record_value JOIN placed USING (record)
    WHERE redacted = 0
)
