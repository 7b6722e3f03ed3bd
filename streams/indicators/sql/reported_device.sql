-- 设备转案 | From devices
-- came in · count
-- 当期收到、由设备上报的案件。
-- Cases received in the period that a device brought in.
SELECT * FROM came_in WHERE origin = 'device'
