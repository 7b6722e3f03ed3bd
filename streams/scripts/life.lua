-- One act on one case: everything is checked and changed in this one step, or nothing is. `ACTS` is the table of
-- workflow.py. Used by act.lua (people, replies, the centre's rules) and by record.lua (arrival by position).

-- Does whoever is on the case say so themselves?
local function by_holder(a) return a.role == 'field' or a.role == 'department' and not OWN_PART[a.act] end

-- Who may: by role; whoever is on the case only on their own dispatch, a department only in its own part.
local function not_theirs(c, a, row)
  if not listed(row.roles, a.role) then return no_to('role_refused', {roles = row.roles, side = row.side}) end
  local part = OWN_PART[a.act]
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
-- worked out by the caller. A department's act is about its own clock only. Two machines' times differ a little: no
-- clock stops before it started.
local function turn_clocks(c, a, row)
  local mine = (OWN_PART[a.act] or a.act == 'dismiss') and a.department
  local kept, fresh = {}, {}
  for _, clock in ipairs(a.clocks) do fresh[clock_key(clock)] = true end
  for _, clock in ipairs(c.clocks) do
    local on = not some(clock.done) and (not mine or clock.of == mine)
    local gone = on and listed(row.cancels, clock.name) or fresh[clock_key(clock)]
    if on and listed(row.stops, clock.name) then clock.done, clock.paused = math.max(now, clock.start), nil end
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
  redis.call('HSET', name, 'case', case, 'sub', sub, 'dispatch', dispatch, 'near', 0)
  if case == '' then redis.call('HSET', name, 'freed', whole(now)) end
  local duty = redis.call('HGET', name, 'duty')
  patrols[#patrols + 1] = string.format('{"id":%s,"case":%s,"state":"%s"}', cjson.encode(id), cjson.encode(case),
    patrol_state(duty, case, sub))
end

-- How many cases of the day each patrol was sent to and not called back from: its load, which ranks who could go.
local function load_of(patrol, by)
  local key = prefix .. 'sent:' .. arg.day
  redis.call('HINCRBY', key, patrol, by)
  redis.call('EXPIRE', key, arg.seen_ttl)
end

-- What the act does to whoever is on the case, and what their device is told. Who fed back is named on the case until it
-- is sent back or opened again, and is on another one by then, perhaps.
local function move_holder(no, c, a, row, before, patrols)
  local holder = some(c.patrol) or some(c.department)
  if row.patrol == 'bind' then
    local running = no .. '/' .. c.version + 1
    if some(a.patrol) and not some(a.aid) then
      bind(patrols, a.patrol, no, 'way', running)
      load_of(a.patrol, 1)
    end
    send('assign', no, some(a.patrol) or a.department, running, a.text)
  elseif row.patrol == 'free' and holder then
    if some(c.patrol) and redis.call('HGET', prefix .. 'patrol:' .. c.patrol, 'case') == no then
      bind(patrols, c.patrol, '', '', '')
      if row.after ~= 'handled' then load_of(c.patrol, -1) end
    end
    if listed(SENT, before) and not by_holder(a) then send('withdraw', no, holder, c.dispatch, a.text) end
    if row.after ~= 'handled' then
      redis.call('HSET', prefix .. 'case:' .. no, 'patrol', '', 'department', '', 'person', '', 'dispatch', '', 'post',
        c.matter_post, 'aid', '')
    end
  elseif some(c.patrol) and not some(c.aid) and (row.after == 'on_scene' or row.after == 'on_the_way') then
    bind(patrols, c.patrol, no, row.after == 'on_scene' and 'scene' or 'way', c.dispatch)
  end
end

-- Who waits for what: for an answer of whoever was sent, for somebody whom the centre sends by itself, for the decision on
-- what was asked for, which lapses when it is done or the state does not allow it any more.
local function keep_waiting(no, c, a, row, after)
  local key = prefix .. 'case:' .. no
  if row.patrol == 'bind' then redis.call('ZADD', prefix .. 'unanswered', whole(now + RESEND), no)
  elseif c.state == 'dispatched' and (after ~= 'dispatched' or by_holder(a)) then
    redis.call('ZREM', prefix .. 'unanswered', no)
  end
  if c.auto == '1' and after ~= 'accepted' then
    redis.call('ZREM', prefix .. 'auto', no)
    redis.call('HSET', key, 'auto', '')
  end
  if c.request and (c.request.act == a.act or not listed(ACTS[c.request.act].before, after)) then
    redis.call('HSET', key, 'request', '')
  end
end

-- Where the case is found: among the open ones by its deadline, by what came near it, or among those of a day.
local function shelve(no, c, a, before, after)
  local key = prefix .. 'case:' .. no
  local was, is = listed(OVER, before), listed(OVER, after)
  if is then
    redis.call('ZREM', prefix .. 'cases:open', no)
    for _, name in ipairs({key, prefix .. 'log:' .. no}) do redis.call('EXPIRE', name, arg.case_ttl) end
    for _, task in ipairs(c.tasks) do redis.call('ZREM', prefix .. 'calls:' .. task.department, no) end
  else
    redis.call('ZADD', prefix .. 'cases:open', whole(next_due(c.clocks)), no)
    if was then
      for _, name in ipairs({key, prefix .. 'log:' .. no}) do redis.call('PERSIST', name) end
    end
    if was or a.act == 'place' then
      for _, task in ipairs(c.tasks) do await_department(no, c, task) end
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
  elseif on_map(c) and (was or before == 'handled' or a.act == 'place' or a.act == 'classify') then
    redis.call('GEOADD', index, c.lon, c.lat, no)
  end
end

-- May it be done on the case as it is? Answers a refusal; or nothing, and whether it comes too late to change anything.
local function refused(no, c, a, row)
  if a.seen and a.seen ~= c.version then
    return no_to('case_taken', {by = c.by, act = c.act, at = tonumber(c.acted), patrol = some(c.patrol) or c.department,
      version = c.version})
  end
  if a.base and a.base ~= c.version then return no_to('moved') end
  local refusal = not_theirs(c, a, row)
  if refusal then return refusal end
  take_more(no, c)
  if unmarked(c) then return no_to('marks_missing', {low = wanting(no, c)}) end
  local late = not listed(row.before, c.state)
  if late and not (by_holder(a) and a.dispatch == c.dispatch and listed(row.passed, c.state)) then
    return no_to('jump_refused', {state = c.state})
  end
  return lacking(row, a), late
end

-- What the act changes: clocks, whoever is on the case, where it is found. `fields`: what it has of its own.
local function change(no, c, a, row, before, after, fields)
  local patrols, key = {}, prefix .. 'case:' .. no
  turn_clocks(c, a, row)
  move_holder(no, c, a, row, before, patrols)
  keep_waiting(no, c, a, row, after)
  shelve(no, c, a, before, after)
  if some(a.image) then redis.call('HSET', key, 'image', a.image) end
  redis.call('HSET', key, 'state', after, 'version', c.version + 1, 'by', a.by, 'act', a.act, 'acted', whole(now),
    unpack(fields))
  return patrols
end

-- Does the act, or says why not. `a`: what was asked, with `no`; answers {ok=…} and what a person must be told.
local function perform(a)
  local no, row, c = a.no, ACTS[a.act], read_case(a.no)
  if not c then return no_to('no_such_case') end
  local refusal, late = refused(no, c, a, row)
  local fields = {}
  if not refusal and not late and OWN[a.act] then refusal, fields, late = OWN[a.act](c, a, no) end
  if refusal then return refusal end
  note_marks(no, c)
  local before, after, patrols = c.state, row.after, {}
  if late or after == 'same' then after = before elseif after == 'previous' then after = c.previous end
  if row.side and c.request and c.request.act == a.act then a.detail = (a.detail or '') .. ' asked by ' .. c.request.by end
  local binds = row.patrol == 'bind'
  local dispatch = binds and no .. '/' .. c.version + 1 or c.dispatch
  local version = late and c.version or c.version + 1
  log(no, {at = now, by = a.by, role = a.role, act = a.act, before = before, after = after, version = version,
    text = a.text or '', patrol = binds and (some(a.patrol) or a.department) or some(c.patrol) or c.department,
    dispatch = dispatch, approver = row.side and a.by or '', detail = late and 'late' or a.detail})
  if not late then patrols = change(no, c, a, row, before, after, fields) end
  c.state = after
  redis.call('HSET', prefix .. 'case:' .. no, 'clocks', clocks_json(c.clocks), 'marks', marks_json(c), 'level', c.level,
    'updated', whole(now))
  set_reminder(no, c)
  cases[no] = true
  if a.also then cases[a.also] = true end
  return {ok = true, version = version, dispatch = dispatch, late = late or nil, opened = opened[1]}, patrols
end
