-- Each cause has its hosts without one of its services besides; and the hosts that it explains are asked no more.
INSERT INTO outside
SELECT cause, record, 1
FROM round_cause c JOIN member m ON m.q = c.cause JOIN host h USING (record) JOIN service_set s USING (service_set)
WHERE len(c.services) > 0 AND NOT list_has_any(s.services, c.services)
UNION ALL SELECT q, record, -1 FROM round_member
