-- What time alone brings about, in one step: reminders, the second look after an announcement, tasks that nobody answered.
-- Called by the clock worker again and again; a second worker, or one that died in between, finds nothing twice.
-- `arg.more`: marks worked out for clocks whose marks ran low, by case and clock. Answers, as JSON texts: what was noted,
-- clocks that want more marks, cases opened, how many alerts were settled; then the cases to resume and to send somebody
-- to, which the caller does by acts.
local PIECE = 64

local noted, low = {}, {}
local changed = #arg.more > 0  -- else a case whose marks run low is as it was

local function marks_left(c)
  local left = 0
  for _, list in pairs(c.marks) do left = left + #list end
  return left
end

local function look(no)
  local c = read_case(no)
  if not c or listed(OVER, c.state) then  -- it ended between this call and the one that asked for more marks
    changed = redis.call('ZREM', prefix .. 'reminders', no) == 1 or changed
    return
  end
  take_more(no, c)
  local before = marks_left(c)
  local passed, wanting = note_marks(no, c)
  changed = changed or marks_left(c) ~= before  -- also a mark that was noted before, of a clock that has come back
  for _, each in ipairs(passed) do noted[#noted + 1] = cjson.encode(each) end
  for _, each in ipairs(wanting) do low[#low + 1] = each end
  redis.call('HSET', prefix .. 'case:' .. no, 'marks', marks_json(c), 'level', c.level)
  set_reminder(no, c)
  if #passed > 0 then
    redis.call('HSET', prefix .. 'case:' .. no, 'updated', whole(now))
    cases[no] = true
  end
end

local looked = {}
for _, more in ipairs(arg.more) do
  if not looked[more.no] then look(more.no) end
  looked[more.no] = true
end
for _, no in ipairs(redis.call('ZRANGEBYSCORE', prefix .. 'reminders', '-inf', whole(now), 'LIMIT', 0, PIECE)) do
  if not looked[no] then look(no) end
end

-- The second look. Gone is what has ended or was not heard again since the loudspeaker spoke (`said`): the announcement
-- has settled it. Where it did not speak (the broker was away, the worker came too late) an announcement settles nothing:
-- what has ended has ended, else the case opens as it does where there is no loudspeaker.
local settled = 0
for _, name in ipairs(redis.call('ZRANGEBYSCORE', prefix .. 'announced', '-inf', whole(now), 'LIMIT', 0, PIECE)) do
  local key = prefix .. 'alert:' .. name
  local row = redis.call('HMGET', key, 'said', 'heard', 'ended', 'image')
  local packed = redis.call('HGET', prefix .. 'pending', name)
  redis.call('ZREM', prefix .. 'announced', name)
  changed = true
  if packed then
    local pending, said = cmsgpack.unpack(packed), tonumber(row[1])
    if some(row[3]) or said and (tonumber(row[2]) or 0) <= said then
      redis.call('HSET', key, 'settled', said and 'announcement' or 'ended', 'settled_day', pending.e.day)
      redis.call('HDEL', prefix .. 'pending', name)
      if said then
        settled = settled + 1
        count(pending.e, 'settled')
      end
    else
      pending.open.image = some(pending.open.image) or row[4] or ''
      open_all_the_same(pending.e, pending.open, name)
    end
    alerts[name] = true
  end
end

-- A task that nobody answered goes out again, until it is answered, taken back or its time is over: that to arrive, or,
-- where the matter has none, that to handle.
local function time_of(c)
  local at = {}
  for _, clock in ipairs(c.clocks) do
    if running(clock) then at[clock.name] = clock.due end
  end
  return at.arrive or at.handle or 0
end

local resent = 0
for _, no in ipairs(redis.call('ZRANGEBYSCORE', prefix .. 'unanswered', '-inf', whole(now), 'LIMIT', 0, PIECE)) do
  local c = read_case(no)
  changed = true
  if c and c.state == 'dispatched' and time_of(c) > now then
    send('assign', no, some(c.patrol) or c.department, c.dispatch, c.told)
    redis.call('ZADD', prefix .. 'unanswered', whole(now + RESEND), no)
    resent = resent + 1
  else
    redis.call('ZREM', prefix .. 'unanswered', no)
    if c and c.state == 'dispatched' then
      notices[#notices + 1] = string.format('{"kind":"no_answer","case":"%s","at":%s,"text_zh":%s,"text_en":%s}', no,
        whole(now), cjson.encode(no .. ' 的承办人一直没有应答，请改派或电话联系。'),
        cjson.encode('Nobody answered the task of ' .. no .. ': send somebody else, or call.'))
    end
  end
end

-- Those to whom nobody could be sent go behind the others, so that many of them keep nobody from their turn. In the
-- journal that is nothing: whoever is sent is sent by an act.
local auto = redis.call('ZRANGE', prefix .. 'auto', 0, PIECE - 1)
for _, no in ipairs(auto) do redis.call('ZADD', prefix .. 'auto', whole(now), no) end

write_counts()
announce_touched({alerts = {}, cases = {}, notices = notices})
if changed then journal('look', arg.a) end
return {noted, low, opened, settled, resent,
  redis.call('ZRANGEBYSCORE', prefix .. 'waking', '-inf', whole(now), 'LIMIT', 0, PIECE),
  auto,
  redis.call('ZRANGE', prefix .. 'checking', 0, PIECE - 1, 'WITHSCORES')}
