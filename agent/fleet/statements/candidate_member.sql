-- Which hosts have the fault of a candidate.
CREATE OR REPLACE TABLE member AS
SELECT q, record FROM fault_here JOIN candidate USING (raw_key)
