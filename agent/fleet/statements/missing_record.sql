-- The last record of each silent host.
CREATE TABLE missing_record AS
SELECT record
FROM placed JOIN missing USING (host)
QUALIFY row_number() OVER (PARTITION BY host ORDER BY minute DESC, record DESC) = 1
