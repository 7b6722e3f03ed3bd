-- 已劝离 | Settled by announcement
-- alerts · count · alerts
-- 喊话后复看已离开、没有立案的。
-- Gone when somebody looked again, so that no case opened.
SELECT * FROM alerted WHERE settled
