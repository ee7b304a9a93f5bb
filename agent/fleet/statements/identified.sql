-- Replaces the keys of faults by the keys that identify their causes.
UPDATE fault_row SET raw_key = k.key
FROM known_as k, placed p, record r
WHERE p.record = fault_row.record AND r.id = fault_row.record AND k.raw_key = fault_row.raw_key
    AND k.account IS NOT DISTINCT FROM p.account AND k.region IS NOT DISTINCT FROM r.region AND fault_row.redacted = 0
