-- What was done on cases since the span began, as far as it matters for those that came in. An act that came too late to change anything
-- does not count.
CREATE TEMP TABLE acted AS
SELECT
    no,
    min(a.at) FILTER (act = 'accept') AS accepted,
    count(*) FILTER (act = 'dispatch') AS sent,
    count(*) FILTER (act IN ('decline', 'withdraw', 'return')) AS missent,
    count(*) FILTER (act = 'handle') AS fed_back,
    count(*) FILTER (act = 'rework') AS reworked
FROM acts a
WHERE a.at >= getvariable('begin') AND detail IS DISTINCT FROM 'late'
    AND act IN ('accept', 'dispatch', 'decline', 'withdraw', 'return', 'handle', 'rework')
GROUP BY no
