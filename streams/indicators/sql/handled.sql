-- 处置数 | Handled
-- came in · count
-- 当期收到、截止时已反馈处置结果的案件（含已结案）。
-- Cases received in the period whose result was fed back by the cut-off, closed ones included.
SELECT * FROM came_in WHERE state IN ('handled', 'closed', 'rated')
