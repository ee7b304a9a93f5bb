-- The causes that central facts name for symptoms, by the place and the security groups of the hosts.
CREATE TABLE central (symptom_key TEXT, account TEXT, vpc TEXT, subnet TEXT, groups TEXT[], cause_key TEXT)
