-- 并案数 | Merged
-- came in · count
-- 当期收到、已并入其他案件的案件。
-- Cases received in the period that were merged into another.
SELECT * FROM came_in WHERE stands = 'merged'
