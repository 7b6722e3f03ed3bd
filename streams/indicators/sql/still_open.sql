-- 其中未结 | Of them open
-- came in · count
-- 当期收到、截止时仍未结的案件。
-- Cases received in the period that are open at the cut-off.
SELECT * FROM came_in WHERE is_open
