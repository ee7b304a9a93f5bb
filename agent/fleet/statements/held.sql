-- The values of each host's attributes, one row for each value.
CREATE OR REPLACE TABLE held AS
SELECT record, trait
FROM record_value JOIN trait USING (attribute, value)
WHERE record IN (SELECT record FROM host)
