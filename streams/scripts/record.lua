-- Records one batch of tagged events in one step: drops what was seen, appends the rest, moves patrols, decides on
-- alerts and readings against what is open, opens or merges cases, ranks the queue and tells the feed.
-- Nothing here depends on the order of arrival: what is older than what we know is recorded and changes nothing.
local now = arg.now
local moved, devices, alerts, cases = {}, {}, {}, {}     -- JSON parts for the feed; alerts and cases by key
local heard, networks, patrol_seen, counts = {}, {}, {}, {}
local opened, result = {}, {new = 0, duplicate = 0, behind = 0, suspect = 0, merged = 0}

local function count(name, by) counts[name] = (counts[name] or 0) + (by or 1) end

-- 1. Which of these ids came before? One set per received day (positions: per 20 minutes), three of them are asked.
local function fresh(events)
  local groups, duplicate = {}, {}
  for i, e in ipairs(events) do
    local name = (e.kind == 'position' and 'fixes:' .. e.bucket or 'seen:' .. e.day)
    local group = groups[name]
    if not group then
      group = {ids = {}, at = {}, asked = e.kind == 'position' and e.buckets or e.days, position = e.kind == 'position'}
      groups[name] = group
    end
    group.ids[#group.ids + 1] = e.seen
    group.at[#group.at + 1] = i
  end
  for name, group in pairs(groups) do
    local within = {}
    for _, part in ipairs(group.asked) do
      local set = prefix .. (group.position and 'fixes:' or 'seen:') .. part
      local known = redis.call('SMISMEMBER', set, unpack(group.ids))
      for k, yes in ipairs(known) do if yes == 1 then duplicate[group.at[k]] = true end end
    end
    for k, id in ipairs(group.ids) do
      if within[id] then duplicate[group.at[k]] = true end
      within[id] = true
    end
  end
  return duplicate, groups
end

local function remember(groups)
  for name, group in pairs(groups) do
    redis.call('SADD', prefix .. name, unpack(group.ids))
    redis.call('EXPIRE', prefix .. name, group.position and arg.fixes_ttl or arg.seen_ttl)
  end
end

-- 2. Patrols. A fix that implies more than 60 m/s (beyond its own inaccuracy) is suspect; the third in a row that
-- agrees with the ones before it is believed.
local function apart(lon1, lat1, lon2, lat2)
  local x = math.rad(lon2 - lon1) * math.cos(math.rad((lat1 + lat2) / 2))
  local y = math.rad(lat2 - lat1)
  return 6371008.8 * math.sqrt(x * x + y * y)
end
local function too_fast(lon1, lat1, at1, e)
  return apart(lon1, lat1, e.lon, e.lat) > 60 * math.abs(e.at - at1) / 1000 + math.max(e.accuracy or 0, 30)
end

local function move(e)
  local key = prefix .. 'patrol:' .. e.device
  local p = redis.call('HMGET', key, 'at', 'lon', 'lat', 'doubt', 'doubt_at', 'doubt_lon', 'doubt_lat',
    'duty', 'case', 'sub', 'registered')
  local at, lon, lat = tonumber(p[1]), tonumber(p[2]), tonumber(p[3])
  if at and e.at <= at then
    result.behind = result.behind + 1
    return 'behind'
  end
  if lon and too_fast(lon, lat, at, e) then
    local doubt, doubt_at = tonumber(p[4]) or 0, tonumber(p[5])
    if doubt > 0 and e.at <= doubt_at then result.behind = result.behind + 1 return 'behind' end
    if doubt > 0 and too_fast(tonumber(p[6]), tonumber(p[7]), doubt_at, e) then doubt = 0 end
    if doubt < 2 then
      redis.call('HSET', key, 'doubt', doubt + 1, 'doubt_at', whole(e.at), 'doubt_lon', e.lon_text,
        'doubt_lat', e.lat_text)
      result.suspect = result.suspect + 1
      return 'suspect'
    end
  end
  redis.call('HSET', key, 'at', whole(e.at), 'received', whole(e.received), 'lon', e.lon_text, 'lat', e.lat_text,
    'grid', e.grid or '', 'course', e.course_text, 'speed', e.speed_text, 'accuracy', e.accuracy_text, 'doubt', 0)
  if e.registered then redis.call('HSETNX', key, 'registered', '1') end
  moved[e.device] = e.json .. string.format(',"case":%s,"state":"%s","registered":%s}', cjson.encode(p[9] or ''),
    patrol_state(p[8], p[9], p[10]), (p[11] == '1' or e.registered) and 'true' or 'false')
  return nil
end

-- 3. Cases: into an open one of the same matter nearby and recent, or a new one.
local function nearby(e, open)
  if not e.lon or open.radius <= 0 or math.abs(e.lat) > 85 then return nil end
  local near = redis.call('GEOSEARCH', prefix .. 'near:' .. open.matter, 'FROMLONLAT', e.lon_text, e.lat_text,
    'BYRADIUS', open.radius, 'm', 'ASC', 'COUNT', 32)
  for _, no in ipairs(near) do
    local last = tonumber(redis.call('HGET', prefix .. 'case:' .. no, 'last') or '')
    if last and math.abs(e.received - last) <= open.minutes * 60000 then return no end
  end
  return nil
end

local function merge(e, open, no)
  local key = prefix .. 'case:' .. no
  redis.call('HINCRBY', key, 'events', 1)
  local case = redis.call('HMGET', key, 'priority', 'last', 'state', 'version')
  if open.priority < tonumber(case[1]) then redis.call('HSET', key, 'priority', open.priority) end
  if e.received > tonumber(case[2]) then redis.call('HSET', key, 'last', whole(e.received)) end
  redis.call('HSET', key, 'updated', whole(now))
  log(no, {at = now, by = e.device, role = open.origin, act = 'merge', before = case[3], after = case[3],
    version = tonumber(case[4]), text = open.text})
  result.merged = result.merged + 1
  count('merged:' .. open.origin)
  cases[no] = true
end

local function open_case(e, open)
  local serial = redis.call('INCR', prefix .. 'number:' .. e.day)
  if serial == 1 then redis.call('EXPIRE', prefix .. 'number:' .. e.day, arg.seen_ttl) end
  local no = string.format('GP-%s-%04d', string.gsub(e.day, '-', ''), serial)
  local state = open.accept and 'accepted' or 'reported'
  local version = open.accept and 3 or 1
  redis.call('HSET', prefix .. 'case:' .. no, 'no', no, 'state', state, 'version', version, 'matter', open.matter,
    'priority', open.priority, 'origin', open.origin, 'received', whole(e.received), 'last', whole(e.received),
    'category', open.category, 'device', e.device, 'lon', e.lon_text or '', 'lat', e.lat_text or '',
    'grid', e.grid or '', 'grids', e.grids_json, 'cell', e.cell or '', 'clocks', clocks_json(open.clocks),
    'events', 1, 'updated', whole(now), 'alert', open.alert or '', 'image', open.image or '', 'post', open.post,
    'text', open.text, 'contact', open.contact, 'by', open.accept and 'rule' or e.device,
    'act', open.accept and 'accept' or 'report', 'acted', whole(now))
  log(no, {at = now, by = e.device, role = open.origin, act = 'report', before = '', after = 'reported', version = 1,
    text = open.text})
  if open.accept then
    log(no, {at = now, by = 'rule', role = 'rule', act = 'verify', before = 'reported', after = 'verified', version = 2})
    log(no, {at = now, by = 'rule', role = 'rule', act = 'accept', before = 'verified', after = 'accepted', version = 3})
  end
  redis.call('ZADD', prefix .. 'cases:open', whole(next_due(open.clocks)), no)
  redis.call('ZADD', prefix .. 'cases:' .. e.day, whole(e.received), no)
  redis.call('EXPIRE', prefix .. 'cases:' .. e.day, arg.case_ttl)
  if e.lon and math.abs(e.lat) <= 85 then
    redis.call('GEOADD', prefix .. 'near:' .. open.matter, e.lon_text, e.lat_text, no)
  end
  count('cases:' .. open.origin)
  opened[#opened + 1] = no
  cases[no] = true
  return no
end

local function case_for(e, open)
  local no = nearby(e, open)
  if no then merge(e, open, no) return no end
  return open_case(e, open)
end

-- 4. Alerts: one row per alert through all its phases. An `end` that comes first leaves a tombstone (`ended`).
local function raise(e, a)
  local key = prefix .. 'alert:' .. a.key
  local row = redis.call('HMGET', key, 'at', 'ended', 'case', 'phase')
  local known, ended, no = tonumber(row[1]), tonumber(row[2]), row[3] or ''
  if a.phase == 'end' then
    if not ended then
      redis.call('HSET', key, 'ended', whole(e.at))
      if no ~= '' then
        redis.call('HSET', prefix .. 'case:' .. no, 'ended', whole(e.at), 'updated', whole(now))
        cases[no] = true
      end
    end
  elseif not ended and no == '' and a.open then
    no = case_for(e, a.open)
  end
  if not known or e.at >= known then
    redis.call('HSET', key, 'phase', (ended or a.phase == 'end') and 'end' or a.phase, 'at', whole(e.at))
  end
  redis.call('HSET', key, 'alert', a.key, 'device', e.device, 'category', a.category, 'severity', a.severity,
    'received', whole(e.received), 'grid', e.grid or '', 'case', no, 'lon', e.lon_text or '', 'lat', e.lat_text or '')
  if a.image then redis.call('HSET', key, 'image', a.image) end
  redis.call('EXPIRE', key, arg.seen_ttl)
  if not known then
    redis.call('ZADD', prefix .. 'alerts', whole(e.received), a.key)
    count('alerts')
  end
  alerts[a.key] = true
  return no
end

-- 5. Readings: raised above one value, cleared below another, each only after it has held for a while.
local function read(e)
  local key, q, r = prefix .. 'device:' .. e.device, e.quantity, e.rule
  local d = redis.call('HMGET', key, 'at:' .. q, 'over:' .. q, 'under:' .. q, 'up:' .. q)
  if tonumber(d[1]) and e.at <= tonumber(d[1]) then return nil end
  redis.call('HSET', key, 'at:' .. q, whole(e.at), 'value:' .. q, e.value_text, 'quantity', q, 'value', e.value_text,
    'unit', e.unit)
  if not r then return nil end
  local sign = r.direction == 'below' and -1 or 1
  local over = e.value * sign >= r.raise * sign
  local under = e.value * sign <= r.clear * sign
  local up = d[4] and d[4] ~= '' and d[4] or nil
  local no = nil
  if over and not up then
    local since = tonumber(d[2]) or e.at
    if e.at - since >= r.hold * 1000 then
      up = e.device .. '/' .. q .. '@' .. whole(since)
      no = raise(e, {key = up, phase = 'new', category = r.category, severity = r.severity, open = r.open})
    end
    redis.call('HSET', key, 'over:' .. q, whole(since), 'up:' .. q, up or '')
  elseif under and up then
    local since = tonumber(d[3]) or e.at
    if e.at - since >= r.hold * 1000 then
      no = raise(e, {key = up, phase = 'end', category = r.category, severity = r.severity})
      redis.call('HDEL', key, 'up:' .. q, 'over:' .. q, 'under:' .. q)
      return no
    end
    redis.call('HSET', key, 'under:' .. q, whole(since))
  end
  if not over and not up then redis.call('HDEL', key, 'over:' .. q) end
  if not under then redis.call('HDEL', key, 'under:' .. q) end
  return no
end

-- 6. Duty of patrols, state of devices.
local function status(e)
  local patrol = e.moving
  local key = prefix .. (patrol and 'patrol:' or 'device:') .. e.device
  local last = tonumber(redis.call('HGET', key, 'status_at') or '')
  if last and e.at < last then return end
  redis.call('HSET', key, 'status_at', whole(e.at), e.field, e.state)
  if e.battery_text then redis.call('HSET', key, 'battery', e.battery_text) end
  if patrol then
    if e.registered then redis.call('HSETNX', key, 'registered', '1') end
    local p = redis.call('HMGET', key, 'duty', 'case', 'sub', 'registered')
    moved[e.device .. '#'] = string.format('{"id":%s,"duty":"%s","state":"%s","registered":%s}', cjson.encode(e.device),
      p[1] or 'on_duty', patrol_state(p[1], p[2], p[3]), p[4] == '1' and 'true' or 'false')
  end
end

-- A device that was offline and says anything newer is online again.
local function spoke(e)
  local key = prefix .. 'device:' .. e.device
  local d = redis.call('HMGET', key, 'state', 'status_at')
  if d[1] == 'offline' and e.at > (tonumber(d[2]) or 0) then
    redis.call('HSET', key, 'state', 'online', 'status_at', whole(e.at))
  end
end

local HANDLERS = {
  position = function(e) return move(e), nil end,
  alert = function(e) return nil, e.alert and raise(e, e.alert) or nil end,
  reading = function(e) return nil, read(e) end,
  report = function(e) return nil, e.open and case_for(e, e.open) or nil end,
  status = function(e) status(e) return nil, nil end,
  reply = function() return nil, nil end,
}

-- An event whose handling fails (a fault of ours) must not stop the others: the caller dead-letters it.
local duplicate, groups = fresh(arg.events)
local failed = {}
for i, e in ipairs(arg.events) do
  local fine, flag, no = true, nil, nil
  if not duplicate[i] then fine, flag, no = pcall(HANDLERS[e.kind], e) end
  if duplicate[i] then
    result.duplicate = result.duplicate + 1
  elseif not fine then
    failed[#failed + 1] = i - 1
    failed[#failed + 1] = type(flag) == 'table' and (flag.err or 'error') or tostring(flag)
  else
    redis.call('XADD', prefix .. 'events', '*', 'e', e.doc, 'f', flag or '', 'c', no or '')
    result.new = result.new + 1
    count('events:' .. e.kind)
    if flag then count(flag) end
    if e.listed then redis.call('ZADD', prefix .. 'unknown', 'GT', whole(e.received), e.device) end
    if e.network then networks[e.network] = math.max(networks[e.network] or 0, e.received) end
    if e.moving then patrol_seen[e.device] = math.max(patrol_seen[e.device] or 0, e.received)
    elseif e.fixed then
      heard[e.device] = math.max(heard[e.device] or 0, e.received)
      if e.kind ~= 'status' then spoke(e) end
    end
  end
end
remember(groups)
redis.call('XTRIM', prefix .. 'events', 'MINID', '~', whole(now - arg.events_ms))
redis.call('XTRIM', prefix .. 'events', 'MAXLEN', '~', arg.events_kept)
redis.call('ZREMRANGEBYRANK', prefix .. 'unknown', 0, -1001)
redis.call('ZREMRANGEBYSCORE', prefix .. 'alerts', '-inf', whole(now - arg.seen_ttl * 1000))

local function scores(name, table_)
  local args = {}
  for id, at in pairs(table_) do args[#args + 1] = whole(at) args[#args + 1] = id end
  if #args > 0 then redis.call('ZADD', prefix .. name, 'GT', unpack(args)) end
end
scores('devices', heard)
scores('patrols', patrol_seen)
for network, at in pairs(networks) do
  local last = tonumber(redis.call('HGET', prefix .. 'sources', network) or '0')
  if at > last then redis.call('HSET', prefix .. 'sources', network, whole(at)) end
end
for name, by in pairs(counts) do redis.call('HINCRBY', prefix .. 'counts:' .. arg.day, name, by) end
if result.duplicate > 0 then redis.call('HINCRBY', prefix .. 'counts:' .. arg.day, 'duplicate', result.duplicate) end
redis.call('EXPIRE', prefix .. 'counts:' .. arg.day, arg.case_ttl)

local parts = {patrols = {}, devices = {}, alerts = {}, cases = {}}
for _, text in pairs(moved) do parts.patrols[#parts.patrols + 1] = text end
for id, at in pairs(heard) do
  local d = redis.call('HMGET', prefix .. 'device:' .. id, 'state', 'battery', 'quantity', 'value', 'unit')
  parts.devices[#parts.devices + 1] = string.format(
    '{"id":%s,"at":%.0f,"state":"%s","battery":%s,"quantity":%s,"value":%s,"unit":%s}', cjson.encode(id), at,
    d[1] or 'online', d[2] or 'null', cjson.encode(d[3] or ''), d[4] or 'null', cjson.encode(d[5] or ''))
end
for key in pairs(alerts) do parts.alerts[#parts.alerts + 1] = json(prefix .. 'alert:' .. key, ALERT, ALERT_NAMES) end
for no in pairs(cases) do parts.cases[#parts.cases + 1] = json(prefix .. 'case:' .. no, CASE, CASE_NAMES) end
announce(now, parts)
return {result.new, result.duplicate, result.behind, result.suspect, result.merged, opened, failed}
