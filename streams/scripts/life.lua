-- One act on one case: everything is checked and changed in this one step, or nothing is. `ACTS` is the table of
-- workflow.py. Used by act.lua (people, replies, the centre's rules) and by record.lua (arrival by position).
local CASE_ROW = {'state', 'version', 'patrol', 'department', 'dispatch', 'by', 'act', 'acted', 'clocks', 'marks', 'grid',
  'matter', 'post', 'matter_post', 'level', 'tasks', 'request', 'into', 'previous', 'lon', 'lat', 'events', 'closed_day',
  'standing', 'person', 'split'}
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
  if some(a.patrol) then
    p = redis.call('HMGET', prefix .. 'patrol:' .. a.patrol, 'registered', 'case')
    if p[1] ~= '1' then return no_to('patrol_unknown') end
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
  return nil, {'patrol', a.patrol or '', 'department', a.department or '', 'person', a.person or '', 'dispatch',
    no .. '/' .. c.version + 1, 'post', post, 'dispatched', whole(now)}
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

function OWN.whistle(c, a)
  for _, department in ipairs(a.departments) do
    if task_of(c, department) then return no_to('department_called', {department = department}) end
  end
  for _, department in ipairs(a.departments) do
    c.tasks[#c.tasks + 1] = {department = department, state = 'called', at = now}
    if some(c.lon) then redis.call('GEOADD', prefix .. 'calls:' .. department, c.lon, c.lat, a.no) end
    send('call', a.no, department, '', a.text)
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

function OWN.rate(_, a) return nil, {'score', a.score} end

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
  return nil, {'request', string.format('{"act":"%s","by":%s,"at":%s,"limit":%s}', a.wanted, cjson.encode(a.by),
    whole(now), cjson.encode(a.limit or ''))}
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
  local new = open_case(a.e, a.e.open)
  if some(a.e.open.alert) then
    redis.call('HSET', prefix .. 'alert:' .. a.e.open.alert, 'case', new)
    redis.call('HINCRBY', prefix .. 'case:' .. no, 'standing', -1)
    redis.call('HINCRBY', prefix .. 'case:' .. new, 'standing', 1)
  end
  done[#done + 1] = a.event
  redis.call('HINCRBY', prefix .. 'case:' .. no, 'events', -1)
  a.detail = new
  return nil, {'split', cjson.encode(done)}
end

-- Who may: by role; whoever is on the case only on their own dispatch, a department only in its own part.
local function not_theirs(c, a, row)
  if not listed(row.roles, a.role) then return no_to('role_refused', {roles = row.roles, side = row.side}) end
  local part = a.act == 'check_in' or a.act == 'finish'
  if a.role == 'field' and (a.patrol ~= c.patrol or a.dispatch ~= c.dispatch or c.patrol == '') then
    return no_to('wrong_patrol')
  end
  if a.role == 'department' then
    local own = part and a.department == a.from or not part and c.department ~= '' and c.department == a.from
    if not own or (not part and a.dispatch and a.dispatch ~= c.dispatch) then return no_to('wrong_patrol') end
  end
end

local function lacking(row, a)
  local missing = {}
  for _, need in ipairs(row.needs) do
    local there
    if need == 'who' then there = some(a.patrol) or some(a.department)
    elseif need == 'proof' then there = not a.proof or some(a.image)
    elseif need == 'place' then there = some(a.lon)
    elseif need == 'departments' then there = a.departments and #a.departments > 0
    else there = some(a[need]) end
    if not there then missing[#missing + 1] = need end
  end
  if #missing > 0 then return no_to('needs_missing', {missing = missing}) end
end

-- Cancelled clocks go, stopped ones keep when, paused ones stand still, started ones come with their deadline and marks
-- worked out by the caller. A department's act is about its own clock only.
local function turn_clocks(c, a, row)
  local mine = (a.act == 'check_in' or a.act == 'finish' or a.act == 'dismiss') and a.department
  local kept, fresh = {}, {}
  for _, clock in ipairs(a.clocks) do fresh[clock_key(clock)] = true end
  for _, clock in ipairs(c.clocks) do
    local on = not some(clock.done) and (not mine or clock.of == mine)
    local gone = on and listed(row.cancels, clock.name) or fresh[clock_key(clock)]
    if on and listed(row.stops, clock.name) then clock.done, clock.paused = now, nil end
    if row.pauses and on and not some(clock.paused) then clock.paused = now end
    if not gone then kept[#kept + 1] = clock end
  end
  for _, clock in ipairs(a.clocks) do
    kept[#kept + 1] = clock
    c.marks[clock_key(clock)] = clock.marks
  end
  c.clocks = kept
end

local function bind(patrols, id, case, sub, dispatch)
  local name = prefix .. 'patrol:' .. id
  redis.call('HSET', name, 'case', case, 'sub', sub, 'dispatch', dispatch)
  if case == '' then redis.call('HSET', name, 'freed', whole(now)) end
  local duty = redis.call('HGET', name, 'duty')
  patrols[#patrols + 1] = string.format('{"id":%s,"case":%s,"state":"%s"}', cjson.encode(id), cjson.encode(case),
    patrol_state(duty, case, sub))
end

-- What the act does to whoever is on the case, and what their device is told.
local function move_holder(no, c, a, row, patrols)
  local holder = some(c.patrol) or some(c.department)
  if row.patrol == 'bind' then
    local running = no .. '/' .. c.version + 1
    if some(a.patrol) then bind(patrols, a.patrol, no, 'way', running) end
    send('assign', no, some(a.patrol) or a.department, running, a.text)
    redis.call('ZADD', prefix .. 'unanswered', whole(now + RESEND), no)
    redis.call('ZREM', prefix .. 'auto', no)
    redis.call('HSET', prefix .. 'case:' .. no, 'auto', '')
  elseif row.patrol == 'free' and holder then
    if some(c.patrol) then bind(patrols, c.patrol, '', '', '') end
    if not listed({'field', 'department'}, a.role) then send('withdraw', no, holder, c.dispatch, a.text) end
    if row.after ~= 'handled' then
      redis.call('HSET', prefix .. 'case:' .. no, 'patrol', '', 'department', '', 'person', '', 'dispatch', '', 'post',
        c.matter_post)
    end
  elseif some(c.patrol) and (row.after == 'on_scene' or row.after == 'on_the_way') then
    bind(patrols, c.patrol, no, row.after == 'on_scene' and 'scene' or 'way', c.dispatch)
  end
  if row.patrol ~= 'bind' and (row.after ~= 'same' or a.act == 'ask') then redis.call('ZREM', prefix .. 'unanswered', no) end
end

-- Where the case is found: among the open ones by its deadline, by what came near it, or among those of a day.
local function shelve(no, c, a, before, after)
  local key = prefix .. 'case:' .. no
  local was, is = listed(OVER, before), listed(OVER, after)
  if is then
    redis.call('ZREM', prefix .. 'cases:open', no)
    for _, name in ipairs({key, prefix .. 'log:' .. no}) do redis.call('EXPIRE', name, arg.case_ttl) end
    for _, name in ipairs({'auto', 'waking', 'unanswered'}) do redis.call('ZREM', prefix .. name, no) end
    for _, task in ipairs(c.tasks) do redis.call('ZREM', prefix .. 'calls:' .. task.department, no) end
    redis.call('HSET', key, 'request', '')
  else
    redis.call('ZADD', prefix .. 'cases:open', whole(next_due(c.clocks)), no)
    if was then
      for _, name in ipairs({key, prefix .. 'log:' .. no}) do redis.call('PERSIST', name) end
    end
  end
  if after == 'closed' and before ~= 'rated' then
    redis.call('HSET', key, 'closed', whole(now), 'closed_day', arg.day)
    redis.call('ZADD', prefix .. 'cases:closed:' .. arg.day, whole(now), no)
    redis.call('EXPIRE', prefix .. 'cases:closed:' .. arg.day, arg.case_ttl)
  elseif was and not is and some(c.closed_day) then
    redis.call('ZREM', prefix .. 'cases:closed:' .. c.closed_day, no)
    redis.call('HSET', key, 'closed', '', 'closed_day', '')
  end
  local index = prefix .. 'near:' .. c.matter
  if is or after == 'handled' then redis.call('ZREM', index, no)
  elseif some(c.lon) and math.abs(tonumber(c.lat)) <= 85 and (was or before == 'handled' or a.act == 'place' or
      a.act == 'classify') then
    redis.call('GEOADD', index, c.lon, c.lat, no)
  end
end

-- Does the act, or says why not. `a`: what was asked, with `no`; answers {ok=…} and what a person must be told.
local function perform(a)
  local no, row, c = a.no, ACTS[a.act], read_case(a.no)
  if not c then return no_to('no_such_case') end
  if a.seen and a.seen ~= c.version then
    return no_to('case_taken', {by = c.by, act = c.act, at = tonumber(c.acted), patrol = some(c.patrol) or c.department,
      version = c.version})
  end
  local refusal = not_theirs(c, a, row)
  if refusal then return refusal end
  take_more(no, c)
  if unmarked(c) then return no_to('marks_missing', {low = wanting(no, c)}) end
  local before = c.state
  local late = not listed(row.before, before)
  if late and not (a.dispatch and listed(row.passed, before)) then return no_to('jump_refused', {state = before}) end
  refusal = lacking(row, a)
  if refusal then return refusal end
  local fields, entry
  if not late then
    refusal, fields, late = (OWN[a.act] or function() return nil, {} end)(c, a, no)
    if refusal then return refusal end
  end
  note_marks(no, c)
  local after = row.after
  if late or after == 'same' then after = before elseif after == 'previous' then after = c.previous end
  local approver = row.side and a.by or ''
  if row.side and c.request and c.request.act == a.act then a.detail = (a.detail or '') .. ' asked by ' .. c.request.by end
  local dispatch = row.patrol == 'bind' and no .. '/' .. c.version + 1 or c.dispatch
  local holder = row.patrol == 'bind' and (some(a.patrol) or a.department) or some(c.patrol) or c.department
  local version = late and c.version or c.version + 1
  entry = {at = now, by = a.by, role = a.role, act = a.act, before = before, after = after, version = version,
    text = a.text or '', patrol = holder, dispatch = dispatch, approver = approver, detail = late and 'late' or a.detail}
  local patrols, key = {}, prefix .. 'case:' .. no
  if not late then
    turn_clocks(c, a, row)
    c.state = after
    move_holder(no, c, a, row, patrols)
    if #fields > 0 then redis.call('HSET', key, unpack(fields)) end
    if row.side then redis.call('HSET', key, 'request', '') end
    if some(a.image) then redis.call('HSET', key, 'image', a.image) end
    shelve(no, c, a, before, after)
  end
  redis.call('HSET', key, 'state', after, 'version', version, 'clocks', clocks_json(c.clocks), 'marks', marks_json(c),
    'level', c.level, 'by', a.by, 'act', a.act, 'acted', whole(now), 'updated', whole(now))
  set_reminder(no, c)
  log(no, entry)
  cases[no] = true
  if a.also then cases[a.also] = true end
  return {ok = true, version = version, dispatch = dispatch, late = late or nil, opened = opened[1]}, patrols
end
