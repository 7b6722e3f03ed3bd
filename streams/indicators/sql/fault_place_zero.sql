-- 异常：坐标为零 | Fault: place at 0, 0
-- came in · count
-- 坐标为 0,0 的案件：数据源没有给出地点。
-- Cases placed at 0, 0: their source had no place to give.
SELECT * FROM came_in WHERE lon = 0 AND lat = 0
