-- Gives the faults with such an earlier key the key of their cause in the reported sweep.
UPDATE cause_member SET key = r.key
FROM renamed r
WHERE cause_member.sweep = r.sweep AND cause_member.raw_key = r.raw_key AND cause_member.key IS NULL AND cause_member.redacted = 0
