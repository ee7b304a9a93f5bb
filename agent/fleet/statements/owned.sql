-- The hosts of each cause, whose owners are to be found.
CREATE OR REPLACE VIEW owned AS SELECT cause_key, record FROM assignment
