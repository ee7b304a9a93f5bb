-- Each of them with what it had.
CREATE OR REPLACE TABLE sick AS
SELECT 0::BIGINT AS q, record, trait FROM missing_record JOIN held USING (record)
