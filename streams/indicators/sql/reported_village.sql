-- 镇村上报 | From villages
-- came in · count
-- 当期收到、由镇村上报的案件。
-- Cases received in the period that a village brought in.
SELECT * FROM came_in WHERE origin = 'village'
