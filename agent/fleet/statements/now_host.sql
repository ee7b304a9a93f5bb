-- The hosts of each cause in the told sweep.
CREATE TABLE now_host AS
SELECT DISTINCT key, host FROM now_member WHERE sweep = getvariable('sweep') AND key IS NOT NULL
