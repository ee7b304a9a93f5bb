-- The hosts whose owners are asked for: those of each cause.
CREATE OR REPLACE VIEW owned AS SELECT cause_key, record FROM assignment
