-- Counts the silent hosts in addition to the hosts of the sweep.
CREATE OR REPLACE TABLE outside AS
SELECT 0::BIGINT AS q, record, 1 AS sign FROM missing_record
