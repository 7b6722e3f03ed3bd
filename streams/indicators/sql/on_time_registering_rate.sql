-- 按时立案率 | On-time registering rate
-- came in · share
-- 立案数中在响应时限前受理的比例。
-- Of the registered cases: accepted before the limit to respond.
SELECT *, accepted <= respond_due AS value FROM came_in WHERE registered AND accepted >= received
