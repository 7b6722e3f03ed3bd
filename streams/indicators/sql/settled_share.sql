-- 劝离率 | Share settled by announcement
-- alerts · share
-- 已劝离 / 先喊话告警。
-- Settled by announcement / alerts of such matters.
SELECT *, settled AS value FROM alerted
