-- The security groups that all hosts of a cause have.
SELECT q, value
FROM member m JOIN held USING (record) JOIN trait USING (trait)
WHERE attribute = 'group'
GROUP BY q, value
HAVING count(*) = (SELECT count(*) FROM member a WHERE a.q = m.q)
ORDER BY q, value
