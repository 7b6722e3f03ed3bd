-- 待办数 | Waiting
-- came in · count
-- 当期收到、截止时待核实、待受理、待派或缓办的案件。
-- Cases received in the period that wait at the cut-off: to verify, to accept, to dispatch, or suspended.
SELECT * FROM came_in WHERE stands = 'waiting'
