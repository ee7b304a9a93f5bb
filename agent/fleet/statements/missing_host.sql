-- The first hosts that were not heard from.
SELECT host FROM missing ORDER BY host LIMIT getvariable('most')
