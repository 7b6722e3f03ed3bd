-- The first cohort: cases received in the span.
CREATE TEMP TABLE came_in AS
SELECT
    facts.* EXCLUDE (decided, handling_due, standing), period, received AS moment, accepted,
    coalesce(sent, 0) AS sent, coalesce(missent, 0) AS missent, coalesce(fed_back, 0) AS fed_back,
    coalesce(reworked, 0) AS reworked, accepted IS NOT NULL AND standing AS registered
FROM facts
{asof} JOIN periods ON facts.received >= periods.since
LEFT JOIN acted ON acted.no = facts.no
WHERE received < getvariable('finish')
