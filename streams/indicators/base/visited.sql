-- Beside the cases: the grids in which somebody was, one row a grid, period and group, by the fixes that were believed.
CREATE TEMP TABLE visited AS
SELECT t.grid AS no, {key} AS key, periods.period, min(t.received) AS moment
FROM tracks t
ASOF JOIN periods ON t.received >= periods.since
LEFT JOIN keys ON keys.value = t.device
WHERE t.flag = '' AND coalesce(t.grid, '') <> '' AND t.received < getvariable('finish')
GROUP BY ALL
