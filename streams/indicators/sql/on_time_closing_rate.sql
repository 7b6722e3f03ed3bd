-- 按期结案率 | On-time closing rate
-- fell due · share
-- 按期结案数 / 应结数。
-- Closed on time / due.
SELECT *, coalesce(closed <= handling_due, false) AS value FROM fell_due
