-- The ids that several accounts have in a sweep, with these.
SELECT name, list(DISTINCT coalesce(account, 'an unknown account') ORDER BY coalesce(account, 'an unknown account'))
FROM placed
WHERE sweep = getvariable('sweep') AND NOT starts_with(host, '#')
GROUP BY name
HAVING count(DISTINCT host) > 1
ORDER BY name
