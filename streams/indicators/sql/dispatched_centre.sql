-- 其中中心承办 | Of them by the centre
-- came in · count
-- 已派遣案件中由指挥中心（县级）负责、而非网格长负责的。
-- Dispatched cases that the centre (the county) answers for, and not the chief of a grid.
SELECT * FROM came_in WHERE stands = 'dispatched' AND owner = 'centre'
