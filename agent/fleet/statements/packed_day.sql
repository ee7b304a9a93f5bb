-- The accounts, Regions and days that need a file each.
SELECT DISTINCT account, region, day FROM packable ORDER BY ALL
