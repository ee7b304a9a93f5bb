-- The first hosts of each cause. Hosts that count at this cause come before hosts that count at another.
SELECT cause_key, host
FROM (
    SELECT a.cause_key, coalesce(r.host, r.place) AS host, max(a.counted) AS counted
    FROM assignment a JOIN record r ON r.id = a.record
    GROUP BY a.cause_key, coalesce(r.host, r.place)
)
QUALIFY row_number() OVER (PARTITION BY cause_key ORDER BY counted DESC, host) <= getvariable('most')
ORDER BY cause_key, counted DESC, host
