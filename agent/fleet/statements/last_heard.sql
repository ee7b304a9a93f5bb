-- The last sweep in which each host was heard from, up to the sweep that is compared with.
CREATE OR REPLACE TABLE last_heard AS
SELECT host, arg_max(sweep, number) AS sweep
FROM placed JOIN sweep_order USING (sweep)
WHERE number <= (SELECT number FROM sweep_order WHERE sweep = getvariable('against'))
GROUP BY host
