-- The silent hosts as the sick hosts of the question, with their values.
CREATE OR REPLACE TABLE sick AS
SELECT 0::BIGINT AS q, record, trait FROM missing_record JOIN held USING (record)
