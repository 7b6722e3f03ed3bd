-- 受理数 | Accepted
-- came in · count
-- 当期收到、曾经受理的案件（人工或按规则）。
-- Cases received in the period that were accepted at least once, by a person or by rule.
SELECT * FROM came_in WHERE accepted IS NOT NULL
