-- The accounts, Regions and days of these, of which each has a file.
SELECT DISTINCT account, region, day FROM packable ORDER BY ALL
