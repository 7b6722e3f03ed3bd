-- 按期结案数 | Closed on time
-- fell due · count
-- 应结案件中在处置时限前结案的。
-- Due cases that were closed before the limit to handle.
SELECT * FROM fell_due WHERE closed <= handling_due
