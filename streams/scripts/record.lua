-- Records one batch of tagged events in one step: drops what was seen, appends the rest, moves patrols, decides on
-- alerts and readings against what is open, opens or merges cases, ranks the queue and tells the feed. The parts are
-- in seen, moves, cases and alerts.lua; acts that follow from a position are in life.lua. Nothing here depends on the order of arrival: what is older than what we know
-- is recorded and changes nothing. The caller keeps a call small (dispatch_queue.py), so `unpack` has few values.
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
local ids = arg.ids or {}  -- the stream ids of events that are recorded again, elsewhere (streams/verify.py)
local failed, failures, last = {}, {}, nil
for i, e in ipairs(arg.events) do
  local fine, flag, no = true, nil, nil
  if not duplicate[i] then
    e.n = i
    fine, flag, no = pcall(HANDLERS[e.kind], e)
  end
  if duplicate[i] then
    result.duplicate = result.duplicate + 1
    if not e.watched then count(e, 'duplicate') end
  elseif not fine then
    failed[i] = true
    for _, line in ipairs(joined[i] or {}) do log(joined[i].no, line) end  -- what was changed before has its entry
    failures[#failures + 1] = i - 1
    failures[#failures + 1] = type(flag) == 'table' and (flag.err or 'error') or tostring(flag)
  else
    local id = redis.call('XADD', prefix .. 'events', ids[i] or '*', 'e', e.doc, 'f', flag or '', 'c', no or '')
    last = id
    if joined[i] then
      joined[i][1].detail = id
      for _, line in ipairs(joined[i]) do log(joined[i].no, line) end
    end
    result.new = result.new + 1
    count(e, 'events:' .. e.kind)
    if flag then count(e, flag) end
    if e.listed then redis.call('ZADD', prefix .. 'unknown', 'GT', whole(e.received), e.device) end
    if e.network then networks[e.network] = math.max(networks[e.network] or 0, e.received) end
    if e.moving and not e.watched then patrol_seen[e.device] = math.max(patrol_seen[e.device] or 0, e.received)
    elseif e.fixed then
      heard[e.device] = math.max(heard[e.device] or 0, e.received)
      if e.kind ~= 'status' then spoke(e) end
    end
  end
end
remember(groups, failed)
trim_events()
redis.call('ZREMRANGEBYRANK', prefix .. 'unknown', 0, -1001)
redis.call('ZREMRANGEBYSCORE', prefix .. 'alerts', '-inf', whole(now - arg.seen_ttl * 1000))
redis.call('ZREMRANGEBYSCORE', prefix .. 'patrols', 1, whole(now - arg.seen_ttl * 1000))

local function scores(name, times)
  local args = {}
  for id, at in pairs(times) do
    args[#args + 1] = whole(at)
    args[#args + 1] = id
  end
  if #args > 0 then redis.call('ZADD', prefix .. name, 'GT', unpack(args)) end
end
scores('devices', heard)
scores('patrols', patrol_seen)
for network, at in pairs(networks) do
  local last = tonumber(redis.call('HGET', prefix .. 'sources', network) or '0')
  if at > last then redis.call('HSET', prefix .. 'sources', network, whole(at)) end
end
write_counts()

local parts = {patrols = {}, devices = {}, alerts = {}, cases = {}, notices = notices}
for _, text in pairs(moved) do parts.patrols[#parts.patrols + 1] = text end
for _, text in ipairs(placed) do parts.patrols[#parts.patrols + 1] = text end
for id, at in pairs(heard) do
  local d = redis.call('HMGET', prefix .. 'device:' .. id, 'state', 'battery', 'quantity', 'value', 'unit')
  parts.devices[#parts.devices + 1] = string.format(
    '{"id":%s,"at":%.0f,"state":"%s","battery":%s,"quantity":%s,"value":%s,"unit":%s}', cjson.encode(id), at,
    d[1] or 'online', d[2] or 'null', cjson.encode(d[3] or ''), d[4] or 'null', cjson.encode(d[5] or ''))
end
announce_touched(parts)
if last then journal('record', cjson.encode(last), result.new) end
return {result.new, result.duplicate, result.behind, result.suspect, result.merged, opened, failures}
