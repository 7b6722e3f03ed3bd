-- What single acts need and do beyond what all do; `perform` in life.lua calls it. An act writes nothing here before its
-- last refusal.
local CASE_ROW = {'state', 'version', 'patrol', 'department', 'dispatch', 'by', 'act', 'acted', 'clocks', 'marks', 'grid',
  'matter', 'post', 'matter_post', 'level', 'tasks', 'request', 'into', 'previous', 'lon', 'lat', 'events', 'closed_day',
  'standing', 'split', 'alert', 'origin', 'auto', 'told', 'aid'}
local RESEND = 60000  -- ms after which a task that nobody answered is sent again

local function read_case(no)
  local values, c = redis.call('HMGET', prefix .. 'case:' .. no, unpack(CASE_ROW)), {}
  for i, name in ipairs(CASE_ROW) do c[name] = values[i] or '' end
  if c.state == '' then return nil end
  c.version, c.level = tonumber(c.version), tonumber(c.level) or 0
  c.clocks = cjson.decode(some(c.clocks) or '[]')
  c.marks = cjson.decode(some(c.marks) or '{}')
  c.tasks = cjson.decode(some(c.tasks) or '[]')
  c.request = some(c.request) and cjson.decode(c.request) or nil
  return c
end

local function no_to(name, more)
  local answer = more or {}
  answer.ok, answer.error = false, name
  return answer
end

local OWN_PART = {check_in = true, finish = true}  -- what a department does in its own part of a case

local function send(act, no, who, dispatch, text)
  redis.call('XADD', prefix .. 'outbox', '*', 'act', act, 'case', no, 'patrol', who, 'dispatch', dispatch, 'text',
    text or '', 'at', whole(now))
end

-- Six fixes and a free patrol, for those who are sent.
local function fit_to_send(c, a)
  local missing, limit = {}, false
  for _, clock in ipairs(c.clocks) do limit = limit or clock.name == 'handle' end
  local post = some(a.post) or some(c.post)
  local p = {}
  if some(a.aid) then  -- a partner's patrol, reserved at its own site, as long as the ask stands
    if redis.call('HEXISTS', prefix .. 'borrowing', a.aid) == 0 then return no_to('patrol_unknown') end
  elseif some(a.patrol) then
    p = redis.call('HMGET', prefix .. 'patrol:' .. a.patrol, 'registered', 'case', 'aid_until')
    if p[1] ~= '1' then return no_to('patrol_unknown') end
    if (tonumber(p[3] or '') or now + 1) <= now then p[2] = '' end  -- reserved for a partner that did not confirm
  end
  if not some(c.grid) then missing[#missing + 1] = 'grid' end
  if not some(a.patrol) and not some(a.person) then missing[#missing + 1] = 'person' end
  if not post then missing[#missing + 1] = 'post' end
  if not limit then missing[#missing + 1] = 'time limit' end
  if not some(a.standard) then missing[#missing + 1] = 'standard' end
  if not some(a.lead) then missing[#missing + 1] = 'responsibility' end
  if #missing > 0 then return no_to('six_fixes_missing', {missing = missing}) end
  if some(p[2]) then return no_to('patrol_busy', {case = p[2]}) end
  return nil, post
end

local function task_of(c, department)
  for i, task in ipairs(c.tasks) do if task.department == department then return task, i end end
end

local function on_map(c) return some(c.lon) and math.abs(tonumber(c.lat)) <= 85 end

-- A department that is called and has not come checks in by its car's position.
local function await_department(no, c, task)
  if task.state == 'called' and on_map(c) then
    redis.call('GEOADD', prefix .. 'calls:' .. task.department, c.lon, c.lat, no)
  end
end

local function tasks_json(tasks)
  local out = {}
  for i, task in ipairs(tasks) do
    out[i] = string.format('{"department":%s,"state":"%s","at":%s}', cjson.encode(task.department), task.state,
      whole(task.at))
  end
  return '[' .. table.concat(out, ',') .. ']'
end

-- What an act has of its own. Each answers a refusal, or nil and the fields to set (name, value, …).
local OWN = {}

function OWN.dispatch(c, a, no)
  local refusal, post = fit_to_send(c, a)
  if refusal then return refusal end
  if some(a.aid) then a.detail = a.aid
  elseif some(a.patrol) then redis.call('HDEL', prefix .. 'patrol:' .. a.patrol, 'aid', 'aid_until') end
  return nil, {'aid', a.aid or '', 'patrol', a.patrol or '', 'department', a.department or '', 'person', a.person or '',
    'dispatch', no .. '/' .. c.version + 1, 'post', post, 'dispatched', whole(now), 'told', a.text or ''}
end

function OWN.classify(c, a, no)
  redis.call('ZREM', prefix .. 'near:' .. c.matter, no)
  c.matter = a.matter
  return nil, {'matter', a.matter, 'priority', a.priority, 'post', a.post, 'matter_post', a.post, 'owner', a.owner}
end

function OWN.place(c, a)
  c.lon, c.lat, c.grid = a.lon, a.lat, a.grid or ''
  return nil, {'lon', a.lon, 'lat', a.lat, 'grid', a.grid or '', 'grids', a.grids_json, 'cell', a.cell or '',
    'owner', a.owner}
end

function OWN.accept(_, a) return nil, {'owner', a.owner or ''} end

-- A department whose part was done may be called again, as after the case was sent back.
function OWN.whistle(c, a, no)
  for i, department in ipairs(a.departments) do
    local task = task_of(c, department)
    if task and task.state ~= 'done' or listed(a.departments, department, i + 1) then
      return no_to('department_called', {department = department})
    end
  end
  for _, department in ipairs(a.departments) do
    local task = task_of(c, department)
    if not task then
      task = {department = department}
      c.tasks[#c.tasks + 1] = task
    end
    task.state, task.at = 'called', now
    await_department(no, c, task)
    send('call', no, department, '', a.text)
  end
  a.detail = table.concat(a.departments, ',')
  return nil, {'tasks', tasks_json(c.tasks)}
end

local function move_task(c, a, to)
  local task, i = task_of(c, a.department)
  if not task then return no_to('not_called', {department = a.department}) end
  if to == 'on_scene' and task.state ~= 'called' or task.state == 'done' then return nil, nil, true end
  redis.call('ZREM', prefix .. 'calls:' .. a.department, a.no)
  local waited = task.state == 'called'
  if to then task.state, task.at = to, now else table.remove(c.tasks, i) end
  for _, other in ipairs(c.tasks) do waited = waited and other.state ~= 'called' end
  if waited and to and a.settle then a.clocks = {a.settle} end  -- the joint visit: the time to settle starts now
  a.detail = a.department
  return nil, {'tasks', tasks_json(c.tasks)}
end
function OWN.check_in(c, a) return move_task(c, a, 'on_scene') end
function OWN.finish(c, a) return move_task(c, a, 'done') end
function OWN.dismiss(c, a, no)
  local refusal, fields, late = move_task(c, a, nil)
  if fields then send('dismiss', no, a.department, '', a.text) end
  return refusal, fields, late
end

function OWN.handle(c)
  local open = {}
  for _, task in ipairs(c.tasks) do
    if task.state ~= 'done' then open[#open + 1] = task.department end
  end
  if #open > 0 then return no_to('tasks_open', {departments = open}) end
  return nil, {}
end

-- Whoever was called need not come any more.
function OWN.reject(c, a, no)
  for _, task in ipairs(c.tasks) do
    redis.call('ZREM', prefix .. 'calls:' .. task.department, no)
    if task.state ~= 'done' then send('dismiss', no, task.department, '', a.text) end
  end
  c.tasks = {}
  return nil, {'tasks', '[]'}
end

function OWN.reopen() return nil, {'score', ''} end
function OWN.rate(_, a)
  a.detail = whole(a.score)
  return nil, {'score', a.score}
end

function OWN.suspend(_, a, no)
  if a['until'] then redis.call('ZADD', prefix .. 'waking', whole(a['until']), no) end
  return nil, {'until', a['until'] and whole(a['until']) or ''}
end
function OWN.resume(_, _, no)
  redis.call('ZREM', prefix .. 'waking', no)
  return nil, {'until', ''}
end

function OWN.ask(c, a)
  local row = ACTS[a.wanted]
  if c.request then return no_to('request_open', {act = c.request.act, by = c.request.by}) end
  if not row or not row.side or not listed(row.before, c.state) then
    return no_to('jump_refused', {state = c.state, act = a.wanted})
  end
  a.detail = a.wanted .. (some(a.limit) and ' ' .. a.limit or '')
  return nil, {'request', string.format('{"act":"%s","by":%s,"at":%s,"limit":%s,"until":%s}', a.wanted,
    cjson.encode(a.by), whole(now), cjson.encode(a.limit or ''), a['until'] and whole(a['until']) or 'null')}
end
function OWN.refuse(c, a)
  if not c.request then return no_to('no_request') end
  a.detail = c.request.act .. ' ' .. c.request.by
  return nil, {'request', ''}
end

function OWN.extend(_, a)
  a.detail = a.limit
  return nil, {}
end

-- The other case of a merging gets its entry too; a case that is over takes nobody in.
local function joined_by(no, into, by, role, act, more)
  local key = prefix .. 'case:' .. into
  local o = redis.call('HMGET', key, 'state', 'version')
  redis.call('HINCRBY', key, 'events', more)
  redis.call('HSET', key, 'updated', whole(now))
  log(into, {at = now, by = by, role = role, act = act, before = o[1], after = o[1], version = tonumber(o[2]), detail = no})
end
local function not_open(no)
  local state = redis.call('HGET', prefix .. 'case:' .. no, 'state')
  if not state then return no_to('no_such_case', {no = no}) end
  if listed(OVER, state) then return no_to('target_over', {target = no, state = state}) end
end
function OWN.merge(c, a, no)
  if a.into == no then return no_to('target_over', {target = no, state = 'merged'}) end
  local refusal = not_open(a.into)
  if refusal then return refusal end
  joined_by(no, a.into, a.by, a.role, 'absorb', tonumber(c.events))
  a.detail, a.also = a.into, a.into
  return nil, {'into', a.into, 'previous', c.state}
end
function OWN.unmerge(c, a, no)
  local refusal = not_open(c.into)
  if refusal then return refusal end
  joined_by(no, c.into, a.by, a.role, 'release', -tonumber(c.events))
  a.detail, a.also = c.into, c.into
  return nil, {'into', '', 'previous', ''}
end

-- The alert of an event that is split off goes with it, and whether it still stands.
local function take_alert(no, c, new, alert)
  local key = prefix .. 'alert:' .. alert
  local row = redis.call('HMGET', key, 'case', 'ended')
  if row[1] ~= no then return end
  redis.call('HSET', key, 'case', new)
  alerts[alert] = true
  if some(row[2]) then
    redis.call('HSET', prefix .. 'case:' .. new, 'ended', row[2])
    return
  end
  redis.call('HINCRBY', prefix .. 'case:' .. new, 'standing', 1)
  local own = some(c.alert) and redis.call('HGET', prefix .. 'alert:' .. c.alert, 'ended')
  if redis.call('HINCRBY', prefix .. 'case:' .. no, 'standing', -1) <= 0 and own then
    redis.call('HSET', prefix .. 'case:' .. no, 'ended', own)
  end
end

-- An event that had joined by itself becomes a case of its own: `a.e` is it as record.lua would have had it.
function OWN.split(c, a, no)
  local done = cjson.decode(some(c.split) or '[]')
  if listed(done, a.event) then return no_to('not_joined', {event = a.event}) end
  local known = false
  for _, text in ipairs(redis.call('LRANGE', prefix .. 'log:' .. no, 0, -1)) do
    local entry = cjson.decode(text)
    known = known or entry.act == 'join' and entry.detail == a.event
  end
  if not known then return no_to('not_joined', {event = a.event}) end
  local open = a.e.open
  local new = open_case(a.e, open)
  local alert = some(open.alert) or a.e.rule and redis.call('HGET', prefix .. 'device:' .. a.e.device, 'up:' .. a.e.quantity)
  if some(alert) then take_alert(no, c, new, alert) end
  count(a.e, 'merged:' .. open.origin, -1)
  done[#done + 1] = a.event
  redis.call('HINCRBY', prefix .. 'case:' .. no, 'events', -1)
  a.detail = new
  return nil, {'split', cjson.encode(done)}
end
