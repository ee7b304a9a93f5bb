-- How many hosts had each cause in the sweep before.
SELECT key, count(*) FROM then_host GROUP BY key
