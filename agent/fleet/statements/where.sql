-- Leaves the hosts that have one of these values of an attribute, without those that redacted theirs.
DELETE FROM placed
WHERE redacted = 1
    OR record NOT IN (
        SELECT record FROM record_value
        WHERE attribute = getvariable('attribute') AND list_contains(getvariable('values'), value)
    )
