-- 结案数 | Closed
-- closed · count
-- 当期结案的案件，不论何时收到、何时到期。
-- Cases closed in the period, whenever they came in or fell due.
SELECT * FROM closed_in
