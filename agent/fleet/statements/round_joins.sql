-- Notes the hosts of the causes.
INSERT INTO member SELECT cause, record FROM round_member
