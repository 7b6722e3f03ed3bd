-- 已喊话 | Announced
-- alerts · count · alerts
-- 其中已由探头喊话的。
-- Of them announced by a loudspeaker.
SELECT * FROM alerted WHERE announced
