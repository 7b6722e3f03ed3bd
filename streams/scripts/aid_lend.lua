-- The lender's part of mutual aid: one step of one aid, in the lender's keys only. `arg.op` names the step, `arg.id` the
-- aid. Answers JSON: ok and the state, or the error and what a person must be told. Every step may be repeated.
local key = prefix .. 'aid:' .. arg.id
local FIELDS = {'state', 'borrower', 'no', 'patrol', 'step'}
local aid = {}
for i, value in ipairs(redis.call('HMGET', key, unpack(FIELDS))) do aid[FIELDS[i]] = value or '' end

local function answer(ok, more)
  more = more or {}
  more.ok, more.state = ok, more.state or aid.state
  return cjson.encode(more)
end

local function patrol_row(id)
  local row = redis.call('HMGET', prefix .. 'patrol:' .. id, 'registered', 'case', 'aid', 'aid_until', 'duty')
  local until_ms = tonumber(row[4] or '')
  return {registered = row[1] == '1', case = some(row[2] or ''), aid = row[3] or '', duty = row[5],
    over = until_ms ~= nil and until_ms <= now}
end

local function is_free(p) return not p.case or p.over end

local function tell(zh, en, patrols)
  announce(now, {patrols = patrols or {}, notices = {string.format(
    '{"kind":"aid","aid":%s,"at":%s,"text_zh":%s,"text_en":%s}', cjson.encode(arg.id), whole(now), cjson.encode(zh),
    cjson.encode(en))}})
end

local function place(p, id, case, sub)
  return {string.format('{"id":%s,"case":%s,"state":"%s"}', cjson.encode(id), cjson.encode(case),
    patrol_state(p.duty, case, sub))}
end

-- The record goes to its new state, with its entry in the log of the lend.
local function go(to, by, role, text, more)
  local fields = {'state', to, 'step', (tonumber(aid.step) or 0) + 1}
  for name, value in pairs(more or {}) do
    fields[#fields + 1], fields[#fields + 2] = name, value
    if aid[name] then aid[name] = value end
  end
  redis.call('HSET', key, unpack(fields))
  log('lend:' .. aid.borrower .. '/' .. aid.no, {at = now, by = by, role = role, act = 'aid_' .. to, before = aid.state,
    after = to, version = fields[4], text = text or '', patrol = aid.patrol, detail = arg.id})
  aid.state = to
  journal('aid_lend', arg.a)
end

local function hold(until_ms, dispatch)
  redis.call('HSET', prefix .. 'patrol:' .. aid.patrol, 'case', aid.borrower .. '/' .. aid.no, 'sub', 'way', 'aid', arg.id,
    'aid_until', until_ms, 'dispatch', dispatch)
end

local STEPS = {}

function STEPS.take()
  if aid.state ~= '' then return answer(true) end
  local ask = arg.ask
  if redis.call('HEXISTS', prefix .. 'partners', ask.borrower) == 0 then return answer(false, {error = 'not_agreed'}) end
  redis.call('HSET', key, 'id', arg.id, 'lender', ask.lender, 'borrower', ask.borrower, 'no', ask.no, 'version', ask.version,
    'asked', whole(ask.asked), 'by', ask.by, 'role', ask.role, 'wish', ask.wish, 'text', ask.text)
  aid.borrower, aid.no = ask.borrower, ask.no
  redis.call('ZADD', prefix .. 'aids', whole(ask.asked), arg.id)
  redis.call('SADD', prefix .. 'lending', arg.id)
  go('asked', ask.borrower .. '/' .. ask.by, ask.role, ask.text)
  tell(ask.borrower .. ' 为案件 ' .. ask.no .. ' 申请互助，请主管审批。',
    ask.borrower .. ' asks for aid with case ' .. ask.no .. ': a supervisor decides.')
  return answer(true)
end

-- How many of the lender's patrols are with this borrower now, or reserved for it.
local function with_them()
  local n = 0
  for _, id in ipairs(redis.call('SMEMBERS', prefix .. 'lending')) do
    local row = redis.call('HMGET', prefix .. 'aid:' .. id, 'state', 'borrower', 'until')
    if row[2] == aid.borrower and (row[1] == 'lent' or row[1] == 'reserved' and tonumber(row[3]) > now) then n = n + 1 end
  end
  return n
end

function STEPS.reserve()
  if aid.state == 'reserved' and aid.patrol == arg.patrol then return answer(true) end
  if aid.state ~= 'asked' then return answer(false, {error = 'not_now'}) end
  local p = patrol_row(arg.patrol)
  if not p.registered then return answer(false, {error = 'patrol_unknown'}) end
  if not is_free(p) then return answer(false, {error = 'patrol_busy', case = p.case}) end
  local most = tonumber(redis.call('HGET', prefix .. 'partners', aid.borrower) or '0')
  if with_them() >= most then return answer(false, {error = 'enough_lent', most = most}) end
  go('reserved', arg.by, arg.role, '', {patrol = arg.patrol, name = arg.name, post = arg.post, approver = arg.by,
    ['until'] = whole(arg.until_ms)})
  hold(whole(arg.until_ms), '')
  tell(arg.patrol .. ' 已为 ' .. aid.borrower .. ' 的案件 ' .. aid.no .. ' 预留。',
    arg.patrol .. ' is reserved for case ' .. aid.no .. ' of ' .. aid.borrower .. '.', place(p, arg.patrol,
    aid.borrower .. '/' .. aid.no, 'way'))
  return answer(true)
end

-- The borrower has dispatched: the reservation runs no more. Also after its time, while nobody took the patrol.
function STEPS.firm()
  if aid.state == 'lent' then return answer(true) end
  if aid.state ~= 'reserved' then return answer(false, {error = 'not_now'}) end
  local p = patrol_row(aid.patrol)
  if not p.registered or (p.aid ~= arg.id and not is_free(p)) then
    arg.from, arg.to, arg.text = 'reserved', 'lapsed', 'taken by ' .. (p.case or 'nobody: no longer registered')
    STEPS['end']()
    return answer(false, {error = 'not_now'})
  end
  hold('', aid.borrower .. '/' .. arg.dispatch)
  go('lent', 'rule', 'rule', '', {dispatch = arg.dispatch})
  tell(aid.patrol .. ' 已出借给 ' .. aid.borrower .. '，承办案件 ' .. aid.no .. '。',
    aid.patrol .. ' is lent to ' .. aid.borrower .. ' for case ' .. aid.no .. '.',
    place(p, aid.patrol, aid.borrower .. '/' .. aid.no, 'way'))
  return answer(true)
end

-- `arg.from` is the state as it was read: who decided by an older one changes nothing.
STEPS['end'] = function()
  if aid.state ~= arg.from then return answer(false, {error = 'not_now'}) end
  local patrols = {}
  if some(aid.patrol) then
    local p, name = patrol_row(aid.patrol), prefix .. 'patrol:' .. aid.patrol
    if p.aid == arg.id then
      redis.call('HSET', name, 'case', '', 'sub', '', 'dispatch', '', 'freed', whole(now))
      redis.call('HDEL', name, 'aid', 'aid_until')
      patrols = place(p, aid.patrol, '', '')
    end
  end
  go(arg.to, arg.by or 'rule', arg.role or 'rule', arg.text, {ended = whole(now), why = arg.text or ''})
  redis.call('SREM', prefix .. 'lending', arg.id)
  redis.call('ZREMRANGEBYSCORE', prefix .. 'aids', '-inf', whole(now - arg.case_ttl * 1000))
  for _, each in ipairs({key, prefix .. 'log:lend:' .. aid.borrower .. '/' .. aid.no}) do
    redis.call('EXPIRE', each, arg.case_ttl)
  end
  local zh = {returned = '互助结束，' .. aid.patrol .. ' 已归还', refused = '互助已拒绝', lapsed = '互助未成或已失效'}
  local en = {returned = aid.patrol .. ' is back', refused = 'refused', lapsed = 'came to nothing'}
  tell(aid.borrower .. ' 的案件 ' .. aid.no .. '：' .. zh[arg.to] .. '。',
    'Aid with case ' .. aid.no .. ' of ' .. aid.borrower .. ': ' .. en[arg.to] .. '.', patrols)
  return answer(true)
end

-- The lent patrol arrived, says the borrower's case: the fences and the map shall know.
function STEPS.arrived()
  local p = aid.state == 'lent' and patrol_row(aid.patrol)
  if p and p.aid == arg.id then
    redis.call('HSET', prefix .. 'patrol:' .. aid.patrol, 'sub', 'scene')
    redis.call('HSET', key, 'arrived', whole(now))
    journal('aid_lend', arg.a)
    announce(now, {patrols = place(p, aid.patrol, p.case, 'scene')})
  end
  return answer(true)
end

return STEPS[arg.op]()
