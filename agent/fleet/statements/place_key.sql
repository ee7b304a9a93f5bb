-- The keys of faults that may need more or less than the host reported to name what is at fault, with where hosts have them.
SELECT DISTINCT f.raw_key, p.account, r.region
FROM fault_row f JOIN placed p USING (record) JOIN record r ON r.id = f.record
WHERE f.redacted = 0 AND (
    list_contains(getvariable('codes'), f.code) OR regexp_matches(f.raw_key, '\|(resolver|url|address)=')
)
