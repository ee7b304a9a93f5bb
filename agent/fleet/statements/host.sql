-- The hosts of a sweep that did not redact their records, with their places and the services that they need; 0 means
-- unknown.
CREATE OR REPLACE TABLE host AS
SELECT
    p.record, coalesce(v.trait, 0) AS vpc, coalesce(a.trait, 0) AS account, coalesce(z.trait, 0) AS zone,
    coalesce(g.trait, 0) AS region, s.service_set
FROM placed p
JOIN record r ON r.id = p.record
JOIN service_set s ON s.services = list_sort(list_distinct(r.services))
LEFT JOIN trait v ON v.attribute = 'vpc' AND v.value = r.vpc
LEFT JOIN trait a ON a.attribute = 'account' AND a.value = r.account
LEFT JOIN trait z ON z.attribute = 'zone' AND z.value = r.zone
LEFT JOIN trait g ON g.attribute = 'region' AND g.value = r.region
WHERE p.sweep = getvariable('sweep') AND p.redacted = 0
