-- Removes the faults that were suppressed when the earlier sweeps were joined from the causes of the reported sweep.
DELETE FROM now_member
WHERE sweep <> getvariable('told') AND (record, raw_key) IN (
    SELECT (f.record, f.raw_key)
    FROM fault_row f LEFT JOIN lapsed l USING (record, own_key, target)
    GROUP BY f.record, f.raw_key
    HAVING bool_and(l.record IS NOT NULL)
)
