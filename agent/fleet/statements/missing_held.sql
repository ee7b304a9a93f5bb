-- Adds the values that the silent hosts had in their last records.
INSERT INTO held
SELECT record, trait
FROM record_value JOIN trait USING (attribute, value)
WHERE record IN (SELECT m.record FROM missing_record m JOIN placed USING (record) WHERE redacted = 0)
