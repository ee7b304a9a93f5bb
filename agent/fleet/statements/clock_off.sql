-- The hosts whose clock differs by more than a day from the day under which their record counts.
SELECT DISTINCT name, account FROM timed WHERE is_off AND name IS NOT NULL AND redacted = 0 ORDER BY ALL
