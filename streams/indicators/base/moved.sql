-- Beside the cases: how far each patrol moved, one row a patrol and period, by the fixes that were believed. Between two
-- fixes more than ten minutes apart nobody knows the way: it is not counted.
CREATE TEMP TABLE moved AS
WITH steps AS (
    SELECT
        device, received, f.at AS moment, lon, lat, lag(f.at) OVER before AS moment0, lag(lon) OVER before AS lon0, lag(lat) OVER before AS lat0
    FROM fixes f WHERE received >= getvariable('begin') AND received < getvariable('finish')
    WINDOW before AS (PARTITION BY device ORDER BY f.at, received)
)
SELECT
    steps.device AS no, {key} AS key, periods.period, min(steps.received) AS moment,
    sum(2 * 6371.0088 * asin(sqrt(least(1, pow(sin(radians(lat - lat0) / 2), 2)
        + cos(radians(lat)) * cos(radians(lat0)) * pow(sin(radians(lon - lon0) / 2), 2))))
    ) FILTER (steps.moment - moment0 <= INTERVAL 10 MINUTES) AS km
FROM steps
ASOF JOIN periods ON steps.received >= periods.since
LEFT JOIN keys ON keys.value = steps.device
GROUP BY ALL
