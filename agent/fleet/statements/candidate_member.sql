-- The hosts that have the fault of each candidate.
CREATE OR REPLACE TABLE member AS
SELECT q, record FROM fault_here JOIN candidate USING (raw_key)
