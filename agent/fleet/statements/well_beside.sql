-- For each code of a fault that no shared cause explains, and for each subnet: the number of hosts with the fault, and
-- of all hosts there.
SELECT code, sick, hosts
FROM (
    SELECT m.code, r.subnet, count(DISTINCT m.record) AS sick
    FROM now_member m JOIN record r ON r.id = m.record
    WHERE m.sweep = getvariable('sweep') AND m.redacted = 0 AND r.subnet IS NOT NULL
    GROUP BY m.code, r.subnet
    HAVING sum(CASE WHEN m.key IS NULL THEN 1 ELSE 0 END) > 0
) JOIN (
    SELECT r.subnet, count(*) AS hosts
    FROM placed p JOIN record r ON r.id = p.record
    WHERE p.sweep = getvariable('sweep') AND p.redacted = 0 AND r.subnet IS NOT NULL
    GROUP BY r.subnet
) USING (subnet)
