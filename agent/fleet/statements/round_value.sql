-- Subtracts the values of the explained hosts.
INSERT INTO outside_value
SELECT q, trait, -count(*) FROM sick SEMI JOIN round_member USING (q, record) GROUP BY q, trait
