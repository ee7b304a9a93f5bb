-- How many hosts have each cause that did not.
SELECT key, count(*) FROM now_host ANTI JOIN then_host USING (key, host) GROUP BY key
