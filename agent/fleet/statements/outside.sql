-- Corrections of the number of hosts that could have a fault. Hosts with sign 1 have the fault although they need none
-- of its services, and are added. Hosts with sign -1 are subtracted.
CREATE OR REPLACE TABLE outside AS
SELECT q, record, 1 AS sign
FROM member JOIN candidate c USING (q) JOIN host h USING (record) JOIN service_set s USING (service_set)
WHERE len(c.services) > 0 AND NOT list_has_any(s.services, c.services)
