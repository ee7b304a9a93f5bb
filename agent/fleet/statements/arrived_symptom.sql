-- Adds the symptoms of the arrived records, each with the key of its cause. Each is a text `code|target|kind=id|… <
-- code|target|kind=id|…`, with the symptom first.
INSERT INTO symptom
SELECT
    id, parts[1], array_to_string(list_concat(parts[1:1], parts[3:]), '|'),
    array_to_string(list_concat(above[1:1], above[3:]), '|')
FROM (
    SELECT
        id, string_split(split_part(symptom, ' < ', 1), '|') AS parts,
        string_split(split_part(symptom, ' < ', 2), '|') AS above
    FROM (SELECT id, unnest(symptoms) AS symptom FROM arrived WHERE why IS NULL)
)
