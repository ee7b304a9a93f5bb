-- Records with all of their fields, in the order of a record. `day` is that of their folder, which holds against the clock
-- of the host, else that of their time.
CREATE TABLE whole AS
SELECT * EXCLUDE (id, source, tag, "position", place, sweep, why, times, "last"), sweep AS day FROM incoming
WITH NO DATA
