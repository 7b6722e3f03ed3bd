-- 上报数 | Reported
-- came in · count
-- 当期收到的案件，每件计一次。
-- Cases received in the period, each counted once.
SELECT * FROM came_in
