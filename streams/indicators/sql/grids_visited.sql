-- 巡查到过的网格 | Grids visited
-- tracks · count · grids
-- 当期有巡查员到过的网格；按中队或人员分组时各组分别计。
-- Grids in which a patrol was in the period; by squad or patrol each group counts its own.
SELECT * FROM visited
