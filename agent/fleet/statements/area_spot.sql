-- The areas of questions and causes, divided by the sets of services that hosts need.
CREATE OR REPLACE VIEW area_spot AS
SELECT q, reach, place, service_set
FROM area a JOIN service_set s ON len(a.services) = 0 OR list_has_any(s.services, a.services)
