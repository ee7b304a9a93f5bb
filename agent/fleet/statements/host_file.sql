-- The places of the named hosts' records in a sweep. The place of the record that counts comes first.
SELECT r.host, r.place, r.region, r.run
FROM named_host JOIN record r USING (host) JOIN timed t ON t.record = r.id
WHERE t.sweep = getvariable('sweep')
ORDER BY r.host, r.id IN (SELECT record FROM heard) DESC, r.place
