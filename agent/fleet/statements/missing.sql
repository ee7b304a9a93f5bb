-- The expected hosts without a record in a sweep. With a filter only those can be told to be of it that had a record.
CREATE TABLE missing AS
SELECT DISTINCT host
FROM expected ANTI JOIN (SELECT host FROM heard WHERE sweep = getvariable('sweep')) USING (host)
WHERE NOT getvariable('is_filtered') OR host IN (SELECT host FROM placed)
