-- 平均到场时间 | Mean arrival time
-- came in · mean · s
-- 从派遣到到场的平均时长；时长为负的列入数据异常，不参与平均。
-- From dispatch to arrival; negative durations are data faults and not averaged in.
SELECT *, (epoch_ms(arrive_done) - epoch_ms(arrive_start)) / 1000 AS value
FROM came_in WHERE arrive_done >= arrive_start
