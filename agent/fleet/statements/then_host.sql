-- Those that these causes had in the sweep before.
CREATE TABLE then_host AS
SELECT DISTINCT key, host FROM now_member WHERE sweep = getvariable('sweep') AND key IS NOT NULL
