-- The hosts of each cause of the earlier sweep, whose owners are to be found.
CREATE OR REPLACE VIEW owned AS
SELECT key AS cause_key, record FROM past_member WHERE sweep = getvariable('sweep') AND key IS NOT NULL
