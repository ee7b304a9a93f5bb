-- Hosts that have a fault although they need none of its services: with sign 1 they are counted besides its spots. With
-- sign -1 hosts are set aside.
CREATE OR REPLACE TABLE outside AS
SELECT q, record, 1 AS sign
FROM member JOIN candidate c USING (q) JOIN host h USING (record) JOIN service_set s USING (service_set)
WHERE len(c.services) > 0 AND NOT list_has_any(s.services, c.services)
