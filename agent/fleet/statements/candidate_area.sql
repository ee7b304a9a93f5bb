-- Adds the areas of the candidates. If a fault belongs to a VPC or an account, its areas are the VPCs or accounts of
-- the hosts that have the fault.
INSERT INTO area
SELECT DISTINCT
    c.q, c.reach, CASE c.reach WHEN 'vpc' THEN h.vpc WHEN 'account' THEN h.account ELSE 0 END, c.services
FROM candidate c JOIN member USING (q) JOIN host h USING (record)
