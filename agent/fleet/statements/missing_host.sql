-- The first hosts that were not heard from.
SELECT name FROM missing ORDER BY name, host LIMIT getvariable('most')
