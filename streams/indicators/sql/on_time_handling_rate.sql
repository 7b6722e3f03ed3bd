-- 按期处置率 | On-time handling rate
-- fell due · share
-- 应结案件中在时限前反馈处置结果的比例。
-- Of the due cases: fed back before the limit to handle.
SELECT *, coalesce(handling_done <= handling_due, false) AS value FROM fell_due
