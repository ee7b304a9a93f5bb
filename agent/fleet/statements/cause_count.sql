-- How many hosts count at each cause, how many have it besides, and how many of those that count saw its symptom alone.
SELECT cause_key, sum(counted), sum(1 - counted), sum(counted * by_symptom) FROM assignment GROUP BY cause_key
