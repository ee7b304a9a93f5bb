-- Adds hosts that have a fault with the code but need none of its services. Subtracts hosts whose faults with the code
-- all belong to causes by evidence.
INSERT INTO outside
SELECT q, record, 1
FROM code_question c JOIN pool USING (code) JOIN host h USING (record) JOIN service_set s USING (service_set)
WHERE len(c.services) > 0 AND NOT list_has_any(s.services, c.services)
UNION ALL
SELECT q, record, -1
FROM code_question c
JOIN (SELECT DISTINCT e.code, m.record FROM evidence e JOIN member m USING (q)) a USING (code)
JOIN host h USING (record) JOIN service_set s USING (service_set)
WHERE (len(c.services) = 0 OR list_has_any(s.services, c.services))
    AND (c.code, record) NOT IN (SELECT (code, record) FROM pool)
