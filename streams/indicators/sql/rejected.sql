-- 作废数 | Rejected
-- came in · count
-- 当期收到、已作废的案件。
-- Cases received in the period that were declared void.
SELECT * FROM came_in WHERE stands = 'rejected'
