-- The values that enough sick hosts of a question have. `sick` counts the sick hosts with the value, `total` all hosts
-- with the value that could have the fault.
CREATE OR REPLACE TABLE single AS
WITH ill AS (
    SELECT q, trait, count(*) AS sick FROM sick GROUP BY q, trait HAVING count(*) >= getvariable('least')
), counted AS (
    SELECT q, trait, sum(hosts)::BIGINT AS total
    FROM (
        SELECT q, trait, hosts FROM ill JOIN area_spot USING (q) JOIN spot_value USING (reach, place, service_set, trait)
        UNION ALL SELECT q, trait, hosts FROM outside_value SEMI JOIN ill USING (q, trait)
    )
    GROUP BY q, trait
)
SELECT q, trait, nearness, value, i.sick, total, u.sick AS all_sick, u.hosts, tests,
    tells(i.sick, total, u.sick, u.hosts, tests) AS is_told
FROM ill i JOIN counted USING (q, trait) JOIN trait USING (trait) JOIN question u USING (q)
