-- The first of these places.
SELECT place, why FROM unreadable ORDER BY id LIMIT getvariable('most')
