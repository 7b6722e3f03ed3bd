-- 结案率 | Closing rate
-- fell due · share
-- 已结案 / 应结数。
-- Closed / due.
SELECT *, closed IS NOT NULL AS value FROM fell_due
