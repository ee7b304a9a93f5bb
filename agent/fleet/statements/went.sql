-- How many hosts had each cause, were heard from in the told sweep, and have it no more.
SELECT key, count(*)
FROM then_host ANTI JOIN now_host USING (key, host)
WHERE host IN (SELECT host FROM placed WHERE sweep = getvariable('sweep'))
GROUP BY key
