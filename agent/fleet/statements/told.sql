-- The value or the pair of values that best distinguishes the sick hosts of each question; `other` is NULL for a single
-- value. A pair must be clearly better than each of its values. The hosts with the best value may fall into parts, such
-- as the subnets of a Region, of which some are nearly all sick and the others at most half as often. Then the largest
-- of the sick parts is chosen instead, and the question is asked again for the remaining hosts.
CREATE OR REPLACE TABLE told AS
WITH counted AS (
    SELECT q, one, other, sum(hosts)::BIGINT AS total
    FROM (
        SELECT q, one, other, s.hosts
        FROM pair JOIN area_spot a USING (q) JOIN spot_pair s USING (one, other, service_set)
        WHERE a.place = CASE a.reach WHEN 'vpc' THEN s.vpc WHEN 'account' THEN s.account ELSE 0 END
        UNION ALL
        SELECT q, one, other, sign
        FROM pair JOIN outside o USING (q)
        JOIN held x ON x.record = o.record AND x.trait = one
        JOIN held y ON y.record = o.record AND y.trait = other
    )
    GROUP BY q, one, other
), two AS (
    SELECT q, p.one, p.other, p.sick, c.total, a.all_sick, a.hosts, a.tests, a.nearness, b.nearness AS other_nearness,
        a.value, b.value AS other_value
    FROM pair p
    JOIN counted c USING (q, one, other)
    JOIN single a USING (q)
    JOIN single b USING (q)
    WHERE a.trait = p.one AND b.trait = p.other
        AND fisher(p.sick, c.total, a.sick, a.total) * a.tests < 0.001
        AND fisher(p.sick, c.total, b.sick, b.total) * a.tests < 0.001
        AND tells(p.sick, c.total, a.all_sick, a.hosts, a.tests)
), every AS MATERIALIZED (
    SELECT q, trait AS one, NULL::INTEGER AS other, sick, total, all_sick, hosts, tests, nearness,
        NULL::INTEGER AS other_nearness, value, NULL AS other_value, f1(sick, total, all_sick) AS score
    FROM single WHERE is_told
    UNION ALL
    SELECT *, f1(sick, total, all_sick) - 0.05 FROM two
), best AS MATERIALIZED (
    FROM every
    QUALIFY row_number() OVER (
        PARTITION BY q
        ORDER BY round(score, 9) DESC, other IS NOT NULL, nearness, other_nearness, value, other_value
    ) = 1
), dense AS MATERIALIZED (
    SELECT e.*, t.attribute, b.one AS whole, b.other AS other_whole, b.sick AS sick_of_whole, b.total AS total_of_whole
    FROM every e JOIN best b USING (q) JOIN question u USING (q) JOIN trait t ON t.trait = e.one
    WHERE u.is_repeated AND e.other IS NULL AND 5 * e.sick >= 4 * e.total AND e.sick < b.sick AND e.total < b.total
        AND fisher(e.sick, e.sick + least(e.total - e.sick, b.total - b.sick), b.sick, b.total) < 0.05
), inside AS MATERIALIZED (
    SELECT d.q, d.one
    FROM dense d
    JOIN sick x ON x.q = d.q AND x.trait = d.one
    JOIN sick y ON y.q = d.q AND y.record = x.record AND y.trait = d.whole
    LEFT JOIN sick z ON z.q = d.q AND z.record = x.record AND z.trait = d.other_whole
    WHERE d.other_whole IS NULL OR z.record IS NOT NULL
    GROUP BY d.q, d.one, d.sick
    HAVING 10 * count(*) >= 9 * d.sick
), split AS (
    SELECT q, attribute, least(sum(sick), sick_of_whole)::BIGINT AS parts_sick,
        least(sum(total - sick), total_of_whole - sick_of_whole)::BIGINT AS parts_well,
        sick_of_whole, total_of_whole, any_value(tests) AS tests
    FROM dense SEMI JOIN inside USING (q, one)
    GROUP BY q, attribute, sick_of_whole, total_of_whole
), part AS MATERIALIZED (
    SELECT d.* EXCLUDE (attribute, whole, other_whole, sick_of_whole, total_of_whole)
    FROM dense d SEMI JOIN inside USING (q, one) JOIN split s USING (q, attribute)
    WHERE lift(parts_sick, parts_sick + parts_well, s.sick_of_whole, s.total_of_whole) >= 2
        AND fisher(parts_sick, parts_sick + parts_well, s.sick_of_whole, s.total_of_whole) * s.tests < 0.001
    QUALIFY row_number() OVER (
        PARTITION BY d.q ORDER BY parts_sick DESC, d.nearness, round(d.score, 9) DESC, d.value
    ) = 1
)
FROM part
UNION ALL
FROM best ANTI JOIN part USING (q)
