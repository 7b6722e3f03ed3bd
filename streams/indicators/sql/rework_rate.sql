-- 返工率 | Rework rate
-- came in · share
-- 曾反馈处置结果的案件中被退回返工的比例。
-- Of the cases that were ever fed back: sent back at least once.
SELECT *, reworked > 0 AS value FROM came_in WHERE fed_back > 0
