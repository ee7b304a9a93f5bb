-- What the inventory says of the host of a record. Where it does not say the account of a host, it says it of each.
CREATE OR REPLACE VIEW labelled AS
SELECT DISTINCT r.id AS record, l.name, l.value, concat(l.name, '=', l.value) AS label
FROM record r
JOIN label l ON l.host = r.host AND (l.account IS NULL OR r.account IS NULL OR l.account = r.account)
