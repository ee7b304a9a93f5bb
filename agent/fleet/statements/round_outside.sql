-- Adds the hosts that have a cause but need none of its services. Subtracts the hosts that the round explains from the
-- questions of the next round.
INSERT INTO outside
SELECT cause, record, 1
FROM round_cause c JOIN member m ON m.q = c.cause JOIN host h USING (record) JOIN service_set s USING (service_set)
WHERE len(c.services) > 0 AND NOT list_has_any(s.services, c.services)
UNION ALL SELECT q, record, -1 FROM round_member
