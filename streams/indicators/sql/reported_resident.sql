-- 居民上报 | From residents
-- came in · count
-- 当期收到、由居民上报的案件。
-- Cases received in the period that a resident brought in.
SELECT * FROM came_in WHERE origin = 'resident'
