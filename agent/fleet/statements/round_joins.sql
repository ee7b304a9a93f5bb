-- Adds the hosts of the causes of the round. If nearly all hosts with the found values have the fault, hosts that an
-- earlier cause explains are added, too: to make them well, both causes must be fixed.
INSERT INTO member
SELECT cause, record FROM round_member
UNION
SELECT c.cause, p.record
FROM round_cause c
JOIN told t USING (q)
JOIN question u USING (q)
JOIN pool p USING (code)
JOIN held x ON x.record = p.record AND x.trait = t.one
LEFT JOIN held y ON y.record = p.record AND y.trait = t.other
WHERE t.sick / t.total >= getvariable('nearly_all') AND (t.other IS NULL OR y.record IS NOT NULL)
