-- 到场时间九成位 | Arrival time, 90th percentile
-- came in · p90 · s
-- 九成案件从派遣到到场不超过的时长。
-- Nine of ten cases took no longer from dispatch to arrival.
SELECT *, (epoch_ms(arrive_done) - epoch_ms(arrive_start)) / 1000 AS value
FROM came_in WHERE arrive_done >= arrive_start
