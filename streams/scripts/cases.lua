-- Cases: into an open one of the same matter nearby and recent, or a new one.
local function nearby(e, open)
  if not e.lon or open.radius <= 0 or math.abs(e.lat) > 85 then return nil end
  local index = prefix .. 'near:' .. open.matter
  while true do
    local stale = false
    local near = redis.call('GEOSEARCH', index, 'FROMLONLAT', e.lon_text, e.lat_text, 'BYRADIUS', open.radius, 'm',
      'ASC', 'COUNT', 32)
    for _, no in ipairs(near) do
      local last = tonumber(redis.call('HGET', prefix .. 'case:' .. no, 'last') or '')
      if last and math.abs(e.received - last) <= open.minutes * 60000 then return no end
      if not last or last < e.received then  -- nothing will join it any more
        redis.call('ZREM', index, no)
        stale = true
      end
    end
    if not stale then return nil end
  end
end

-- Writes an entry, or puts it behind others that wait (`waiting`).
local function entry(no, by, role, act, before, after, version, text, waiting)
  local line = {at = now, by = by, role = role, act = act, before = before, after = after, version = version, text = text}
  if waiting then waiting[#waiting + 1] = line else log(no, line) end
end

local function accept_by_rule(no, state, version, waiting)
  if state == 'reported' then
    version = version + 1
    entry(no, 'rule', 'rule', 'verify', 'reported', 'verified', version, nil, waiting)
  end
  version = version + 1
  entry(no, 'rule', 'rule', 'accept', 'verified', 'accepted', version, nil, waiting)
  return version
end

-- The clocks of a new case or of its acceptance, where the clock worker finds those without marks.
local function keep_clocks(no, state, clocks, marks)
  local c = {state = state, clocks = clocks, marks = marks}
  redis.call('HSET', prefix .. 'case:' .. no, 'clocks', clocks_json(clocks), 'marks', marks_json(c))
  redis.call('ZADD', prefix .. 'cases:open', whole(next_due(clocks)), no)
  set_reminder(no, c)
end

-- The earliest number and the highest priority stay. What a device confirms is verified and accepted by rule. The entry
-- of an event that was recorded just now waits until the event has its id, by which it can be split off again.
local function join(e, open, no)
  local key = prefix .. 'case:' .. no
  local c = redis.call('HMGET', key, 'priority', 'last', 'state', 'version', 'clocks', 'marks')
  local state, version = c[3], tonumber(c[4])
  redis.call('HINCRBY', key, 'events', 1)
  redis.call('HSET', key, 'priority', math.min(open.priority, tonumber(c[1])), 'updated', whole(now),
    'last', whole(math.max(e.received, tonumber(c[2]))))
  local waiting = e.n and {no = no}
  entry(no, e.device, open.origin, 'join', state, state, version, open.text, waiting)
  if waiting then joined[e.n] = waiting end
  if open.accept and (state == 'reported' or state == 'verified') then
    local clocks = cjson.decode(c[5])
    for _, clock in ipairs(open.clocks) do
      if clock.name == 'handle' then clocks[#clocks + 1] = clock end
    end
    redis.call('HSET', key, 'state', 'accepted', 'version', accept_by_rule(no, state, version, waiting), 'owner', open.owner,
      'by', 'rule', 'act', 'accept', 'acted', whole(now))
    keep_clocks(no, 'accepted', clocks, cjson.decode(some(c[6]) or '{}'))
  end
  result.merged = result.merged + 1
  count(e, 'merged:' .. open.origin)
  cases[no] = true
end

local function open_case(e, open)
  local serial = redis.call('INCR', prefix .. 'number:' .. e.day)
  if serial == 1 then redis.call('EXPIRE', prefix .. 'number:' .. e.day, arg.seen_ttl) end
  local no = string.format('GP-%s-%04d', string.gsub(e.day, '-', ''), serial)
  entry(no, e.device, open.origin, 'report', '', 'reported', 1, open.text)
  local state, version = 'reported', 1
  if open.accept then state, version = 'accepted', accept_by_rule(no, 'reported', 1) end
  redis.call('HSET', prefix .. 'case:' .. no, 'no', no, 'state', state, 'version', version, 'matter', open.matter,
    'priority', open.priority, 'origin', open.origin, 'received', whole(e.received), 'last', whole(e.received),
    'category', open.category, 'device', e.device, 'lon', e.lon_text or '', 'lat', e.lat_text or '',
    'grid', e.grid or '', 'grids', e.grids_json, 'cell', e.cell or '', 'events', 1, 'updated', whole(now),
    'alert', open.alert or '', 'image', open.image or '', 'post', open.post, 'matter_post', open.post,
    'owner', open.owner, 'text', open.text, 'contact', open.contact, 'by', open.accept and 'rule' or e.device,
    'act', open.accept and 'accept' or 'report', 'acted', whole(now))
  keep_clocks(no, state, open.clocks, {})
  redis.call('ZADD', prefix .. 'cases:' .. e.day, whole(e.received), no)
  redis.call('EXPIRE', prefix .. 'cases:' .. e.day, arg.case_ttl)
  if e.lon and math.abs(e.lat) <= 85 then
    redis.call('GEOADD', prefix .. 'near:' .. open.matter, e.lon_text, e.lat_text, no)
  end
  count(e, 'cases:' .. open.origin)
  opened[#opened + 1] = no
  cases[no] = true
  return no
end

local function case_for(e, open)
  local no = nearby(e, open)
  if no then
    join(e, open, no)
    return no
  end
  return open_case(e, open)
end

-- The case of an alert (its key) that goes on after a loudspeaker spoke: the centre's rule sends somebody.
local function open_all_the_same(e, open, alert)
  local no = case_for(e, open)
  local key = prefix .. 'case:' .. no
  redis.call('HINCRBY', key, 'standing', 1)
  redis.call('HSET', key, 'ended', '')
  redis.call('HSET', prefix .. 'alert:' .. alert, 'case', no, 'settled', 'not')
  redis.call('HDEL', prefix .. 'pending', alert)
  redis.call('ZREM', prefix .. 'announced', alert)
  if redis.call('HGET', key, 'state') == 'accepted' then
    redis.call('HSET', key, 'auto', '1')
    redis.call('ZADD', prefix .. 'auto', whole(now), no)
  end
  return no
end
