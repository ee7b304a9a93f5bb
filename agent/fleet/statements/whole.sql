-- Records with all of their fields, in the order of the record. `day` is the day of the folder, which overrides the
-- host's clock; without a folder, it is the day of the record's time.
CREATE TABLE whole AS
SELECT * EXCLUDE (id, source, tag, "position", place, sweep, why, times, "last"), sweep AS day FROM incoming
WITH NO DATA
