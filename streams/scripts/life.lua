-- One act on one case: everything is checked and changed in this one step, or nothing is. `ACTS` is the table of
-- workflow.py. Used by act.lua (people, replies, the centre's rules) and by record.lua (arrival by position).

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
