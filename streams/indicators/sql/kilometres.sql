-- 巡查里程 | Kilometres
-- tracks · sum · km
-- 当期巡查轨迹的里程，只算可信的定位；相隔十分钟以上的两点之间不算。
-- The way of the patrols in the period, by the fixes that were believed; not between two more than ten minutes apart.
SELECT *, km AS value FROM moved
