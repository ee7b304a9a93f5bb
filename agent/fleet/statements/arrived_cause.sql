-- Adds the causes of the arrived records in their order. Each is a text `severity|code|target|kind=id|…`; the key of a
-- cause leaves out the severity and the target.
INSERT INTO cause
SELECT id, rank, parts[1], parts[2], parts[3], array_to_string(list_concat(parts[2:2], parts[4:]), '|')
FROM (
    SELECT id, unnest(range(len(causes))) AS rank, string_split(unnest(causes), '|') AS parts
    FROM arrived
    WHERE why IS NULL
)
