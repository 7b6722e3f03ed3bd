-- 其中未到期 | Of them with time left
-- fell due · count
-- 截止时未结且时限未到的应结案件。
-- Due cases that are open and have time left at the cut-off.
SELECT * FROM fell_due WHERE NOT decided
