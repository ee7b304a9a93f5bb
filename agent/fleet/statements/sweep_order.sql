-- The sweeps with their numbers in order of time, judged by the minute at which half of their runs had ended.
CREATE TABLE sweep_order AS
SELECT sweep, row_number() OVER (ORDER BY quantile_disc(minute, 0.5), sweep) AS number FROM placed GROUP BY sweep
