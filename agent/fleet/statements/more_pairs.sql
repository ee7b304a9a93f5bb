-- Counts the hosts of those pairs of values that were not counted in an earlier round.
INSERT INTO spot_pair
SELECT one, other, vpc, account, service_set, count(*)
FROM (SELECT one, other FROM pair EXCEPT SELECT one, other FROM spot_pair) p
JOIN held x ON x.trait = p.one
JOIN held y ON y.record = x.record AND y.trait = p.other
JOIN host h ON h.record = x.record
GROUP BY one, other, vpc, account, service_set
