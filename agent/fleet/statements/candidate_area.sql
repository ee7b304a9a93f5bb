-- Whoever has a fault of a VPC or of an account tells where others could have it.
INSERT INTO area
SELECT DISTINCT
    c.q, c.reach, CASE c.reach WHEN 'vpc' THEN h.vpc WHEN 'account' THEN h.account ELSE 0 END, c.services
FROM candidate c JOIN member USING (q) JOIN host h USING (record)
