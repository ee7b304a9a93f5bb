-- The values of the attributes of each record, each once; `nearness` orders the attributes from the nearest to a fix to
-- the farthest.
CREATE OR REPLACE VIEW record_value AS
SELECT id AS record, 'group' AS attribute, 0 AS nearness, unnest(list_distinct(security_groups)) AS value FROM record
UNION ALL SELECT id, 'endpoint', 1, unnest(list_distinct(endpoints)) FROM record
UNION ALL SELECT id, 'subnet', 2, subnet FROM record WHERE subnet IS NOT NULL
UNION ALL SELECT id, 'resolver', 3, unnest(list_distinct(resolvers)) FROM record
UNION ALL SELECT id, 'image', 4, image FROM record WHERE image IS NOT NULL
UNION ALL SELECT id, 'instance-type', 5, instance_type FROM record WHERE instance_type IS NOT NULL
UNION ALL SELECT id, 'tool', 6, tool FROM record WHERE tool IS NOT NULL
UNION ALL SELECT id, 'zone', 7, zone FROM record WHERE zone IS NOT NULL
UNION ALL SELECT id, 'vpc', 8, vpc FROM record WHERE vpc IS NOT NULL
UNION ALL SELECT id, 'account', 9, account FROM record WHERE account IS NOT NULL
UNION ALL SELECT id, 'region', 10, region FROM record WHERE region IS NOT NULL
UNION ALL SELECT record, 'label', 11, label FROM labelled
