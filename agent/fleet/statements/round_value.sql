-- What those have that are explained: it is counted no more.
INSERT INTO outside_value
SELECT q, trait, -count(*) FROM sick SEMI JOIN round_member USING (q, record) GROUP BY q, trait
