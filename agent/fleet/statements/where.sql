-- Keeps only records with one of the given values of an attribute. Redacted records are removed.
DELETE FROM placed
WHERE redacted = 1
    OR record NOT IN (
        SELECT record FROM record_value
        WHERE attribute = getvariable('attribute') AND list_contains(getvariable('values'), value)
    )
