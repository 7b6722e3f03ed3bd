-- 准确派遣率 | Correct-dispatch rate
-- came in · share
-- 曾派出的案件中一次派对的比例：没有拒绝、撤回或回退。
-- Of the cases ever sent out: sent to the right one at once, without a decline, a withdrawal or a return.
SELECT *, missent = 0 AS value FROM came_in WHERE sent > 0
