-- The values that were found for each question, with their numbers of hosts, lift and probability.
SELECT
    t.q, u.code, u.is_repeated, t.all_sick, t.sick, t.total, lift(t.sick, t.total, t.all_sick, t.hosts) AS lift,
    least(1.0, fisher(t.sick, t.total, t.all_sick, t.hosts) * t.tests) AS p, a.attribute, a.value, b.attribute, b.value
FROM told t
JOIN question u ON u.q = t.q
JOIN trait a ON a.trait = t.one
LEFT JOIN trait b ON b.trait = t.other
ORDER BY t.q
