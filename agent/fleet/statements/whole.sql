-- Records with all of their fields, in the order of a record.
CREATE TABLE whole AS
SELECT * EXCLUDE (id, source, tag, "position", place, sweep, why, times, "last") FROM incoming
WITH NO DATA
