-- Each case once, as it stood at the cut-off, with its group (`key`). `stands` is where the inflow counts it; `decided`:
-- not open with time left; `registered`: it stands, with what the six fixes want of a case.
CREATE TEMP TABLE facts AS
SELECT
    c.no, c.state, states.stands, states.is_open, {key} AS key, c.origin, c.owner, c.received, c.dispatched, c.closed,
    c.respond_due, c.arrive_start, c.arrive_done, c.handling_start, c.handling_due, c.handling_done, c.handling_paused,
    c.geometry.x AS lon, c.geometry.y AS lat,
    NOT (states.is_open AND c.handling_due > getvariable('cut')) AS decided,
    c.grid IS NOT NULL AND c.owner <> '' AND c.handling_due IS NOT NULL
        AND states.stands NOT IN ('rejected', 'merged') AS standing
FROM cases c
JOIN newest ON newest.no = c.no AND newest.place = c.ms * 1048576 + c.seq
JOIN states ON states.state = c.state
LEFT JOIN keys ON keys.value = c.{column}
WHERE c.received <= getvariable('cut')
