-- The third cohort: cases closed in the span.
CREATE TEMP TABLE closed_in AS
SELECT no, key, period, closed AS moment, handling_start, handling_due, handling_done
FROM facts
{asof} JOIN periods ON facts.closed >= periods.since
WHERE closed < getvariable('finish')
