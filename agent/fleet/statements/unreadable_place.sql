-- The first places with unreadable content.
SELECT place, why FROM unreadable ORDER BY id LIMIT getvariable('most')
