-- 派遣数 | Dispatched
-- came in · count
-- 当期收到、截止时已派出或已办结的案件；撤回后无人承办的不算。
-- Cases received in the period that are with somebody at the cut-off or were worked off; withdrawn ones wait again.
SELECT * FROM came_in WHERE stands = 'dispatched'
