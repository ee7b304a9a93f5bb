-- For each cause: the number of hosts that count at it, the number of hosts that have it but count at another cause,
-- and the number of hosts that count at it but saw only its symptom.
SELECT cause_key, sum(counted), sum(1 - counted), sum(counted * by_symptom) FROM assignment GROUP BY cause_key
