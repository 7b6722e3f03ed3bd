-- 异常：时长为负 | Fault: negative duration
-- came in · count
-- 结案、派遣早于收到，或到场、反馈早于其起点的案件；不参与任何平均。
-- Closed or dispatched before received, or on scene or fed back before it began: in no mean.
SELECT * FROM came_in
WHERE closed < received OR dispatched < received OR handling_done < handling_start OR arrive_done < arrive_start
