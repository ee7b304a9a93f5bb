-- The hosts whose owners are asked for: those of each cause of the sweep that is compared.
CREATE OR REPLACE VIEW owned AS
SELECT key AS cause_key, record FROM past_member WHERE sweep = getvariable('sweep') AND key IS NOT NULL
