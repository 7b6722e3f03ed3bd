-- 立案数 | Registered
-- came in · count
-- 已受理且立得住的案件：有网格、责任人和处置时限，未作废、未并案。
-- Accepted cases that stand: with a grid, an owner and a limit to handle, neither rejected nor merged.
SELECT * FROM came_in WHERE registered
