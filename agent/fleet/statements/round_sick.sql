-- The sick hosts that are left for the next round.
CREATE OR REPLACE TABLE sick AS
SELECT q, record, trait FROM sick SEMI JOIN question USING (q) ANTI JOIN round_member USING (q, record)
