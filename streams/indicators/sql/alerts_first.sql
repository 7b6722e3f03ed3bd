-- 先喊话告警 | Alerts
-- alerts · count · alerts
-- 当期收到、属于先喊话事项的告警，不计入流入。
-- Alerts of matters that announce first, received in the period: beside the inflow.
SELECT * FROM alerted
