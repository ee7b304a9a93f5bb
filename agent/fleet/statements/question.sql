-- The open questions: one for each cause by evidence that not all possible hosts have, and one for each code. `tests`
-- is the number of values that are tried, for which the probability is corrected.
CREATE OR REPLACE TABLE question AS
SELECT q, code, hosts AS sick, exposed AS hosts, (
    SELECT count(DISTINCT trait) FROM (
        SELECT trait FROM area_spot a JOIN spot_value USING (reach, place, service_set) WHERE a.q = evidence.q
        UNION ALL SELECT trait FROM outside o JOIN held USING (record) WHERE o.q = evidence.q
    )
) AS tests, false AS is_repeated
FROM evidence
WHERE hosts >= getvariable('least') AND hosts < exposed
UNION ALL
SELECT q, code, hosts, (
    SELECT sum(hosts)::BIGINT FROM (
        SELECT hosts FROM area_spot a JOIN spot USING (reach, place, service_set) WHERE a.q = code_question.q
        UNION ALL SELECT sign FROM outside o WHERE o.q = code_question.q
    )
), (SELECT count(*) FROM trait) * (SELECT count(*) FROM code_question), true
FROM code_question
