-- The second cohort: cases whose limit to handle ends in the span. Merged ones have none of their own any more; of a
-- suspended one nobody knows yet when it ends.
CREATE TEMP TABLE fell_due AS
SELECT no, key, period, handling_due AS moment, decided, closed, handling_start, handling_due, handling_done
FROM facts
{asof} JOIN periods ON facts.handling_due >= periods.since
WHERE handling_due < getvariable('finish') AND handling_paused IS NULL AND stands <> 'merged'
