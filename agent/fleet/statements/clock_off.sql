-- The hosts whose clock is off by more than a day from the day that counts for their record.
SELECT DISTINCT name, account FROM timed WHERE is_off AND name IS NOT NULL AND redacted = 0 ORDER BY ALL
