-- One act on one case: everything is checked and changed in this one step, or nothing is. `arg.row` is the act's row of
-- workflow.py. Answers JSON: {"ok":true} or {"ok":false,"error":…} with what the caller needs to tell the person.
-- The answer is kept under case, act, person and request, so a call that is repeated (a retry, a redelivered reply) is
-- harmless, and a request that somebody else names the same is another one.
local now, no, row = arg.now, arg.no, arg.row
local key = prefix .. 'case:' .. no
local done = prefix .. 'done:' .. table.concat({no, row.name, arg.by, arg.request}, '/')
local answered = redis.call('GET', done)
if answered then return answered end

local c = redis.call('HMGET', key, 'state', 'version', 'patrol', 'dispatch', 'by', 'act', 'acted', 'clocks', 'grid',
  'matter', 'post', 'matter_post')
local state, version, patrol, dispatch = c[1], tonumber(c[2]), c[3] or '', c[4] or ''
local function refuse(answer)
  answer.ok = false
  return cjson.encode(answer)
end
if not state then return refuse({error = 'no_such_case'}) end
if arg.seen and arg.seen ~= version then
  return refuse({error = 'case_taken', by = c[5], act = c[6], at = tonumber(c[7]), patrol = patrol, version = version})
end
if arg.dispatch and (arg.dispatch ~= dispatch or arg.patrol ~= patrol) then return refuse({error = 'wrong_patrol'}) end
local fits = false
for _, before in ipairs(row.before) do fits = fits or before == state end
if not fits then return refuse({error = 'jump_refused', state = state}) end

for _, need in ipairs(row.needs) do
  if arg[need] == '' then return refuse({error = 'needs_missing', missing = row.needs}) end
end

local post = arg.post ~= '' and arg.post or c[11] or ''
if row.patrol == 'bind' then
  local p = redis.call('HMGET', prefix .. 'patrol:' .. arg.patrol, 'registered', 'case')
  if p[1] ~= '1' then return refuse({error = 'patrol_unknown'}) end
  local missing, limit = {}, false
  for _, clock in ipairs(cjson.decode(c[8] or '[]')) do limit = limit or clock.name == 'handle' end
  if not c[9] or c[9] == '' then missing[#missing + 1] = 'grid' end
  if arg.patrol == '' then missing[#missing + 1] = 'person' end
  if post == '' then missing[#missing + 1] = 'post' end
  if not limit then missing[#missing + 1] = 'time limit' end
  if arg.standard == '' then missing[#missing + 1] = 'standard' end
  if arg.lead == '' then missing[#missing + 1] = 'responsibility' end
  if #missing > 0 then return refuse({error = 'six_fixes_missing', missing = missing}) end
  if p[2] and p[2] ~= '' then return refuse({error = 'patrol_busy', case = p[2]}) end
end

-- Clocks: cancelled ones go, stopped ones keep when, started ones come with their deadline worked out by the caller.
local clocks = {}
local function named(list, name)
  for _, each in ipairs(list) do if each == name then return true end end
  return false
end
for _, clock in ipairs(cjson.decode(c[8] or '[]')) do
  local running = clock.done == cjson.null or clock.done == nil
  if running and named(row.stops, clock.name) then clock.done = now end
  if not (running and named(row.cancels, clock.name)) and not named(row.starts, clock.name) then
    clocks[#clocks + 1] = clock
  end
end
for _, clock in ipairs(arg.clocks) do clocks[#clocks + 1] = clock end

version = version + 1
redis.call('HSET', key, 'state', row.after, 'version', version, 'clocks', clocks_json(clocks), 'by', arg.by, 'act',
  row.name, 'acted', whole(now), 'updated', whole(now))
local patrols = {}
local function bind(id, case, sub, running)
  local name = prefix .. 'patrol:' .. id
  redis.call('HSET', name, 'case', case, 'sub', sub, 'dispatch', running)
  local duty = redis.call('HGET', name, 'duty')
  patrols[#patrols + 1] = string.format('{"id":%s,"case":%s,"state":"%s"}', cjson.encode(id), cjson.encode(case),
    patrol_state(duty, case, sub))
end
local function task(act, id, running)
  redis.call('XADD', prefix .. 'outbox', '*', 'act', act, 'case', no, 'patrol', id, 'dispatch', running,
    'text', arg.text, 'at', whole(now))
end
local acting, running = patrol, dispatch
if row.patrol == 'bind' then
  acting, running = arg.patrol, no .. '/' .. version
  redis.call('HSET', key, 'patrol', acting, 'dispatch', running, 'post', post, 'dispatched', whole(now))
  bind(acting, no, 'way', running)
  task('assign', acting, running)
elseif row.patrol == 'free' then
  if patrol ~= '' then bind(patrol, '', '', '') end
  if patrol ~= '' and not arg.dispatch then task('withdraw', patrol, dispatch) end  -- its phone does not know yet
  if row.after == 'accepted' then redis.call('HSET', key, 'patrol', '', 'dispatch', '', 'post', c[12] or '') end
elseif patrol ~= '' and row.after == 'on_scene' then
  bind(patrol, no, 'scene', dispatch)
elseif patrol ~= '' and row.name == 'depart' then
  bind(patrol, no, 'way', dispatch)
end
if arg.image ~= '' then redis.call('HSET', key, 'image', arg.image) end

if row.after == 'closed' then
  redis.call('HSET', key, 'closed', whole(now))
  redis.call('ZREM', prefix .. 'cases:open', no)
  redis.call('ZADD', prefix .. 'cases:closed:' .. arg.day, whole(now), no)
  redis.call('EXPIRE', prefix .. 'cases:closed:' .. arg.day, arg.case_ttl)
  redis.call('EXPIRE', key, arg.case_ttl)
  redis.call('EXPIRE', prefix .. 'log:' .. no, arg.case_ttl)
else
  redis.call('ZADD', prefix .. 'cases:open', whole(next_due(clocks)), no)
end
if row.after == 'handled' or row.after == 'closed' then redis.call('ZREM', prefix .. 'near:' .. c[10], no) end

log(no, {at = now, by = arg.by, role = arg.role, act = row.name, before = state, after = row.after, version = version,
  text = arg.text, patrol = acting, dispatch = running})
announce(now, {cases = {json(key, CASE, CASE_NAMES)}, patrols = patrols})
local answer = cjson.encode({ok = true, version = version, dispatch = running})
redis.call('SET', done, answer, 'EX', arg.seen_ttl)
return answer
