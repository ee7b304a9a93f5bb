-- The accounts of the hosts of each cause; the account with most of these hosts comes first.
SELECT q, value
FROM member JOIN host USING (record) JOIN trait ON trait = account
GROUP BY q, value
QUALIFY row_number() OVER (PARTITION BY q ORDER BY count(*) DESC, value) <= getvariable('most')
ORDER BY q, count(*) DESC, value
