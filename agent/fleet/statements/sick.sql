-- The values of the sick hosts of each question.
CREATE OR REPLACE TABLE sick AS
SELECT q, record, trait
FROM (
    SELECT q, record FROM question JOIN member USING (q) WHERE NOT is_repeated
    UNION ALL SELECT q, record FROM question JOIN pool USING (code) WHERE is_repeated
) JOIN held USING (record)
