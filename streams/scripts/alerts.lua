-- Alerts and readings. Part of record.lua.
-- One row per alert through all its phases. An `end` that comes first leaves a tombstone (`ended`). A case is over, as
-- far as devices can tell (`ended`), when the last of its alerts has ended. An alert that goes on for longer than its
-- closed case is kept must not leave half a case behind.
local function stand(no, by)
  local key = prefix .. 'case:' .. no
  if redis.call('HEXISTS', key, 'state') == 0 then return 1 end
  return redis.call('HINCRBY', key, 'standing', by)
end

-- The silence of a device is kept at the device, so that whoever looks next knows that it was said.
local function silence(e, a, over)
  if not e.watched then return end
  local key = prefix .. (e.moving and 'patrol:' or 'device:') .. e.device
  if over then redis.call('HDEL', key, 'silent', 'silent_at')
  else redis.call('HSET', key, 'silent', a.key, 'silent_at', whole(e.received)) end
end

local SAY = 60000  -- ms within which an announcement that nobody waits for is still worth saying

-- Announce first (智能喊话): the loudspeaker nearby speaks, and what would have opened a case waits with the alert until
-- clock.lua looks again. What joins an open case needs no announcement: somebody is on the way. What is urgent
-- (`recheck` 0) is announced too, but waits for nothing.
local function announce_first(e, a, key)
  local first = a.open.announce
  if not some(first) or nearby(e, a.open) then return false end
  local waits = first.recheck > 0
  local again = now + (waits and first.recheck * 1000 or SAY)
  redis.call('HSET', key, 'announced', whole(now))
  redis.call('XADD', prefix .. 'outbox', '*', 'act', 'announce', 'camera', first.camera, 'text', first.text,
    'alert', a.key, 'at', whole(now), 'until', whole(again))
  count(e, 'announced')
  if not waits then return false end
  local small = {}
  for _, name in ipairs({'device', 'received', 'day', 'lon', 'lat', 'lon_text', 'lat_text', 'grid', 'grids_json', 'cell'}) do
    small[name] = some(e[name])
  end
  redis.call('HSET', prefix .. 'pending', a.key, cmsgpack.pack({e = small, open = a.open}))
  redis.call('ZADD', prefix .. 'announced', whole(again), a.key)
  return true
end

-- An alert that was announced and is heard again waits for the second look, but not when it has become urgent. Settled,
-- it had been counted as gone, and is not.
local function goes_on(e, a, key, settled)
  if settled == 'announcement' then
    count({day = redis.call('HGET', key, 'settled_day')}, 'settled', -1)
  elseif not settled and (not some(a.open.announce) or a.open.announce.recheck > 0) then
    local pending = cmsgpack.unpack(redis.call('HGET', prefix .. 'pending', a.key))
    if a.open.priority < pending.open.priority then
      pending.open.priority = a.open.priority
      redis.call('HSET', prefix .. 'pending', a.key, cmsgpack.pack(pending))
    end
    return ''
  end
  return open_all_the_same(e, a.open, a.key)
end

local function raise(e, a)
  local key = prefix .. 'alert:' .. a.key
  local row = redis.call('HMGET', key, 'at', 'ended', 'case', 'announced', 'settled')
  local known, ended, no = tonumber(row[1]), tonumber(row[2]), row[3] or ''
  local over = a.phase == 'end'
  silence(e, a, over)
  if over and not ended then
    redis.call('HSET', key, 'ended', whole(e.at))
    if no ~= '' and stand(no, -1) <= 0 then
      redis.call('HSET', prefix .. 'case:' .. no, 'ended', whole(e.at), 'updated', whole(now))
      cases[no] = true
    end
  elseif not over and not ended and a.open then
    redis.call('HSET', key, 'heard', whole(e.received))
    if no == '' and row[4] then no = goes_on(e, a, key, row[5])
    elseif no == '' and not announce_first(e, a, key) then
      no = case_for(e, a.open)
      stand(no, 1)
      redis.call('HSET', prefix .. 'case:' .. no, 'ended', '')
    elseif no ~= '' then
      local priority = tonumber(redis.call('HGET', prefix .. 'case:' .. no, 'priority') or '')
      if priority and a.open.priority < priority then
        redis.call('HSET', prefix .. 'case:' .. no, 'priority', a.open.priority, 'updated', whole(now))
        cases[no] = true
      end
    end
  end
  if not known or e.at >= known then
    redis.call('HSET', key, 'phase', (ended or over) and 'end' or a.phase, 'at', whole(e.at), 'category', a.category,
      'severity', a.severity)
  end
  redis.call('HSET', key, 'alert', a.key, 'device', e.device, 'received', whole(e.received), 'grid', e.grid or '',
    'case', no, 'lon', e.lon_text or '', 'lat', e.lat_text or '')
  if a.image then redis.call('HSET', key, 'image', a.image) end
  redis.call('EXPIRE', key, (ended or over) and arg.seen_ttl or arg.case_ttl)
  if not known then
    redis.call('ZADD', prefix .. 'alerts', whole(e.received), a.key)
    count(e, 'alerts')
  end
  if a.open and a.open.first and redis.call('HSETNX', key, 'first', '1') == 1 then count(e, 'alerts:first') end
  alerts[a.key] = true
  return no
end

-- Raised above one value, cleared below another, each only after it has held for a while. Two values with a long
-- silence between them have not held.
local function read(e)
  if not e.fixed then return nil end
  local key, q, r = prefix .. 'device:' .. e.device, e.quantity, e.rule
  local at_field = r and 'at:' .. q or 'read_at'
  local d = redis.call('HMGET', key, at_field, 'over:' .. q, 'under:' .. q, 'up:' .. q)
  local last = tonumber(d[1])
  if last and e.at <= last then return nil end
  redis.call('HSET', key, at_field, whole(e.at), 'quantity', q, 'value', e.value_text, 'unit', e.unit)
  if not r then return nil end
  local held = last and e.at - last <= HOLD_GAP
  local sign = r.direction == 'below' and -1 or 1
  local over = e.value * sign >= r.raise * sign
  local under = e.value * sign <= r.clear * sign
  local up = d[4] and d[4] ~= '' and d[4] or nil
  if over and not up then
    local since = held and tonumber(d[2]) or e.at
    redis.call('HSET', key, 'over:' .. q, whole(since))
    if e.at - since >= r.hold * 1000 then
      up = e.device .. '/' .. q .. '@' .. whole(since)
      redis.call('HSET', key, 'up:' .. q, up)
      return raise(e, {key = up, phase = 'new', category = r.category, severity = r.severity, open = r.open})
    end
  elseif under and up then
    local since = held and tonumber(d[3]) or e.at
    redis.call('HSET', key, 'under:' .. q, whole(since))
    if e.at - since >= r.hold * 1000 then
      redis.call('HDEL', key, 'up:' .. q, 'over:' .. q, 'under:' .. q)
      return raise(e, {key = up, phase = 'end', category = r.category, severity = r.severity})
    end
  end
  if not over and not up then redis.call('HDEL', key, 'over:' .. q) end
  if not under then redis.call('HDEL', key, 'under:' .. q) end
  return nil
end
