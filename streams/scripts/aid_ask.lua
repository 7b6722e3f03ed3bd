-- The borrower's part of mutual aid, in the borrower's keys only: to ask, to take the ask back, to forget it when it is
-- over. That the case is sent is an ordinary act (own.lua looks whether the ask still stands). Answers JSON.
local asks = prefix .. 'borrowing'
local key = prefix .. 'case:' .. arg.no
local row = redis.call('HMGET', key, 'state', 'version', 'aid', 'by', 'act', 'acted', 'patrol', 'department')
local c = {state = row[1] or '', version = tonumber(row[2] or ''), aid = row[3] or ''}

local function entry(act, by, role, text, detail)
  journal('aid_ask', arg.a)
  if c.state == '' then return end
  log(arg.no, {at = now, by = by, role = role, act = act, before = c.state, after = c.state, version = c.version,
    text = text or '', detail = detail})
end

-- Somebody of the lender is on the case by this aid.
local function bound(id) return c.aid == id and listed(SENT, c.state) end

local STEPS = {}

function STEPS.ask()
  local ask = arg.ask
  if c.state == '' then return cjson.encode({ok = false, error = 'no_such_case'}) end
  if ask.version ~= c.version then
    return cjson.encode({ok = false, error = 'case_taken', by = row[4] or '', act = row[5] or '', at = tonumber(row[6] or '0'),
      patrol = some(row[7] or '') or row[8] or '', version = c.version})
  end
  if c.state ~= 'accepted' then return cjson.encode({ok = false, error = 'jump_refused', state = c.state}) end
  local all = redis.call('HVALS', asks)
  for _, text in ipairs(all) do
    local other = cjson.decode(text)
    if other.no == arg.no and other.lender == ask.lender and other.version == ask.version then
      return cjson.encode({ok = true, ask = other})
    end
  end
  ask.id = table.concat({ask.lender, ask.borrower, arg.no, redis.call('HINCRBY', key, 'aids', 1)}, '.')
  redis.call('HSET', asks, ask.id, cjson.encode(ask))
  entry('aid_ask', ask.by, ask.role, ask.text, ask.id)
  return cjson.encode({ok = true, ask = ask})
end

function STEPS.cancel()
  if redis.call('HEXISTS', asks, arg.id) == 0 then return cjson.encode({ok = false, error = 'not_now', state = 'over'}) end
  if bound(arg.id) then return cjson.encode({ok = false, error = 'not_now', state = 'lent'}) end
  redis.call('HDEL', asks, arg.id)
  entry('aid_cancel', arg.by, arg.role, arg.text, arg.id)
  return cjson.encode({ok = true})
end

-- Not while the case is bound by it: then somebody must first withdraw.
function STEPS.forget()
  if bound(arg.id) or redis.call('HDEL', asks, arg.id) == 0 then return cjson.encode({ok = false}) end
  entry('aid_over', 'rule', 'rule', arg.text, arg.id)
  announce(now, {notices = {string.format('{"kind":"aid","aid":%s,"case":%s,"at":%s,"text_zh":%s,"text_en":%s}',
    cjson.encode(arg.id), cjson.encode(arg.no), whole(now), cjson.encode(arg.zh), cjson.encode(arg.en))}})
  return cjson.encode({ok = true})
end

return STEPS[arg.op]()
