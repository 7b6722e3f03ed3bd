-- 平均处置时长 | Mean handling time
-- closed · mean · s
-- 当期结案案件从受理到反馈的平均时长；时长为负的列入数据异常，不参与平均。
-- Of the cases closed in the period, from acceptance to feedback; negative durations are data faults.
SELECT *, (epoch_ms(handling_done) - epoch_ms(handling_start)) / 1000 AS value
FROM closed_in WHERE handling_done >= handling_start
