-- What is asked again: the codes of which a part was explained and enough is left.
CREATE OR REPLACE TABLE question AS
SELECT q, code, sick - explained AS sick, hosts - explained AS hosts, tests, is_repeated
FROM question JOIN (SELECT q, count(*) AS explained FROM round_member GROUP BY q) USING (q)
WHERE sick - explained >= getvariable('least')
