-- 应结中已结案 | Of them closed
-- fell due · count
-- 应结案件中截止时已结案的。
-- Due cases that were closed by the cut-off.
SELECT * FROM fell_due WHERE closed IS NOT NULL
