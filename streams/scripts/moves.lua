-- Patrols and devices: where they are, what they say of themselves. Part of record.lua.
-- A fix that implies more than 60 m/s (beyond its own inaccuracy) is suspect; the third in a row that agrees with the
-- ones before it is believed.
local FASTEST = 60              -- m/s
local VAGUE = 200               -- metres of inaccuracy that are allowed for, at most
local HOLD_GAP = 3600000        -- ms without a word after which nothing has "held"

local function apart(lon1, lat1, lon2, lat2)
  local x = math.rad(lon2 - lon1) * math.cos(math.rad((lat1 + lat2) / 2))
  local y = math.rad(lat2 - lat1)
  return 6371008.8 * math.sqrt(x * x + y * y)
end

local function too_fast(lon, lat, at, e)
  local slack = math.min(math.max(e.accuracy or 0, 30), VAGUE)
  return apart(lon, lat, e.lon, e.lat) > FASTEST * math.abs(e.at - at) / 1000 + slack
end

local ARRIVED = 50               -- metres from the case: on scene, when two fixes in a row say so

-- Whoever is on the way and stands at the case has arrived, said or not. A department's car at a case to which it was
-- called is noted; the clock worker checks it in, since the time to settle that starts then takes a calendar.
local function arrive_by_place(e, key, case)
  local c = redis.call('HMGET', prefix .. 'case:' .. case, 'lon', 'lat', 'dispatch')
  local there = (e.accuracy or 0) <= ARRIVED and some(c[1]) and
    apart(tonumber(c[1]), tonumber(c[2]), e.lon, e.lat) <= ARRIVED
  local fixes = there and redis.call('HINCRBY', key, 'near', 1) or redis.call('HSET', key, 'near', 0)
  if not there or fixes < 2 then return end
  local answer, patrols = perform({no = case, act = 'arrive', by = e.device, role = 'rule', patrol = e.device,
    dispatch = c[3], clocks = {}, text = ''})
  if answer.ok then for _, text in ipairs(patrols) do placed[#placed + 1] = text end end
end

local function check_in_by_place(e)
  local near = redis.call('GEOSEARCH', prefix .. 'calls:' .. e.department, 'FROMLONLAT', e.lon_text, e.lat_text,
    'BYRADIUS', ARRIVED * 2, 'm', 'ASC', 'COUNT', 4)
  for _, no in ipairs(near) do
    redis.call('ZADD', prefix .. 'checking', 'NX', whole(e.received), cjson.encode({no, e.department, e.device}))
  end
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
    if doubt > 0 and e.at <= doubt_at then
      result.behind = result.behind + 1
      return 'behind'
    end
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
  if not e.registered then redis.call('EXPIRE', key, arg.seen_ttl)
  elseif p[11] ~= '1' then redis.call('HSET', key, 'registered', '1') end
  if e.department and e.registered and (e.accuracy or 0) <= ARRIVED then check_in_by_place(e) end
  if e.registered and some(p[9]) and p[10] == 'way' then
    arrive_by_place(e, key, p[9])
    p[10] = redis.call('HGET', key, 'sub')
  end
  moved[e.device] = e.json .. string.format(',"case":%s,"state":"%s","registered":%s}', cjson.encode(p[9] or ''),
    patrol_state(p[8], p[9], p[10]), (p[11] == '1' or e.registered) and 'true' or 'false')
  return nil
end

-- Duty of patrols, state of devices. A last will was written when the device connected: what counts for `offline` is
-- when the broker sent it.
local function status(e)
  if not e.moving and not e.fixed and not e.watched then return end
  local key = prefix .. (e.moving and 'patrol:' or 'device:') .. e.device
  local last = tonumber(redis.call('HGET', key, 'status_at') or '')
  local at = e.state == 'offline' and math.max(e.at, e.received) or e.at
  if last and at < last then return end
  redis.call('HSET', key, 'status_at', whole(at), e.field, e.state)
  if e.battery_text then redis.call('HSET', key, 'battery', e.battery_text) end
  if e.moving then
    if e.registered then redis.call('HSETNX', key, 'registered', '1')
    else redis.call('EXPIRE', key, arg.seen_ttl) end
    local p = redis.call('HMGET', key, 'duty', 'case', 'sub', 'registered')
    moved[e.device .. '#'] = string.format('{"id":%s,"duty":"%s","state":"%s","registered":%s}',
      cjson.encode(e.device), p[1] or 'on_duty', patrol_state(p[1], p[2], p[3]), p[4] == '1' and 'true' or 'false')
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
