-- The questions of the next round: codes of which the last round explained some hosts and left enough others.
CREATE OR REPLACE TABLE question AS
SELECT q, code, sick - explained AS sick, hosts - explained AS hosts, tests, is_repeated
FROM question JOIN (SELECT q, count(*) AS explained FROM round_member GROUP BY q) USING (q)
WHERE sick - explained >= getvariable('least')
