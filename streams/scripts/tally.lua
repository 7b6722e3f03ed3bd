-- What one call gathers: parts for the feed, numbers of opened cases, the day's counts. Written once, at the end.
local moved, devices, alerts, cases = {}, {}, {}, {}     -- JSON parts for the feed; alerts and cases by key
local heard, networks, patrol_seen, counts = {}, {}, {}, {}
local placed = {}  -- patrols that an act on a case changed, as JSON
local joined = {}  -- entries of events that joined an open case, by number of the event: they name its stream id
local opened, result = {}, {new = 0, duplicate = 0, behind = 0, suspect = 0, merged = 0}

-- Counted on the local day on which it was received.
local function count(e, name, by)
  counts[e.day] = counts[e.day] or {}
  counts[e.day][name] = (counts[e.day][name] or 0) + (by or 1)
end

local function write_counts()
  for day, names in pairs(counts) do
    local key = prefix .. 'counts:' .. day
    for name, by in pairs(names) do redis.call('HINCRBY', key, name, by) end
    redis.call('EXPIRE', key, arg.case_ttl)
  end
end

local shown = {}  -- cases as JSON, as the feed got them

local function announce_touched(parts)
  for key in pairs(alerts) do parts.alerts[#parts.alerts + 1] = json(prefix .. 'alert:' .. key, ALERT, ALERT_NAMES) end
  for no in pairs(cases) do
    shown[no] = json(prefix .. 'case:' .. no, CASE, CASE_NAMES)
    parts.cases[#parts.cases + 1] = shown[no]
  end
  announce(now, parts)
end
