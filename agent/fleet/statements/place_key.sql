-- The keys of faults that may have to be changed to identify a cause, with the accounts and Regions of their hosts.
SELECT DISTINCT f.raw_key, p.account, r.region
FROM fault_row f JOIN placed p USING (record) JOIN record r ON r.id = f.record
WHERE f.redacted = 0 AND (
    list_contains(getvariable('codes'), f.code) OR regexp_matches(f.raw_key, '\|(resolver|url|address)=')
)
