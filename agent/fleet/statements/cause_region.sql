-- The Regions of the hosts of each cause, the most frequent first.
SELECT q, value
FROM member JOIN host USING (record) JOIN trait ON trait = region
GROUP BY q, value
ORDER BY q, count(*) DESC, value
