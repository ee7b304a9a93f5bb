-- What central facts say of symptoms, by where a host is.
CREATE TABLE central (symptom_key TEXT, account TEXT, vpc TEXT, subnet TEXT, groups TEXT[], cause_key TEXT)
