-- The labels of the host of each record. A label without an account applies to the hosts of this name in every account.
CREATE OR REPLACE VIEW labelled AS
SELECT DISTINCT r.id AS record, l.name, l.value, concat(l.name, '=', l.value) AS label
FROM record r
JOIN label l ON l.host = r.host AND (l.account IS NULL OR r.account IS NULL OR l.account = r.account)
