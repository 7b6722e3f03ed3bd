-- 其中已结案 | Of them closed
-- came in · count
-- 当期收到、截止时已结案的案件。
-- Cases received in the period that were closed by the cut-off.
SELECT * FROM came_in WHERE closed IS NOT NULL
