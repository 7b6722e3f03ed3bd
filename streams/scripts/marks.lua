-- Reminders: each running clock has marks, the times at which so many percent of it are over. A mark is noted once, with
-- its entry in the log, its notice and the level of supervision in one step, by whoever comes first: the clock worker, or
-- an act on the case (so that none is lost while the worker is away). The marks of a clock stand in the case's field
-- `marks` as [ms, percent, ms, percent, …]; the last of them is not noted before the caller has worked out more, which
-- takes a calendar. Beside them, `noted` has the highest percent noted of each clock by its due: a clock that an act
-- starts again with the same due says nothing twice. A new case has none yet and is due at once, so that ingest need
-- not work them out.
local notices = {}
local MARKS_LOW = 4  -- so few numbers left (2 marks): the caller shall work out more

local function clock_key(clock) return some(clock.of) and clock.name .. ':' .. clock.of or clock.name end

local function level_of(percent)
  if percent >= 200 then return 3 elseif percent >= 100 then return 2 elseif percent >= 80 then return 1 end
  return 0
end

-- Whom a reminder is for: whoever is on the case, or the operator while nobody is, then one level higher at a time.
local function for_whom(c, level)
  local nobody = not some(c.patrol) and not some(c.department)
  if level == 0 and nobody then return {'值班人员', 'the operator on duty'} end
  return LEVEL_NAMES[level + 1]
end

local function reminder_texts(c, clock, percent)
  local name, who, zh, en = CLOCK_NAMES[clock.name], for_whom(c, level_of(percent)), nil, nil
  local of = some(clock.of) and ' ' .. clock.of .. ' ' or ''
  local times = percent / 100 - 1
  if percent < 100 then
    zh = string.format('%s%s时限已用 %d%%', of, name[1], percent)
    en = string.format('%d%% of the time for%s %s is used', percent, of == '' and '' or ' the' .. of, name[2])
  elseif percent == 100 then
    zh = of .. name[1] .. '时限已到'
    en = string.format('the time for%s %s is over', of == '' and '' or ' the' .. of, name[2])
  else
    zh = string.format('%s%s已超时 %d 倍时限', of, name[1], times)
    en = string.format('%s%s is overdue by %s', some(clock.of) and clock.of .. ' ' or '', name[2],
      times == 1 and 'its whole limit' or whole(times) .. ' times its limit')
  end
  return zh .. (percent < 80 and '，提醒' or '，请') .. who[1] .. (percent < 80 and '抓紧' or '督办') .. '。',
    en .. ' – for ' .. who[2] .. '.'
end

local function remind(no, c, clock, percent)
  local level = level_of(percent)
  if level > c.level then c.level = level end
  log(no, {at = now, by = 'clock', role = 'rule', act = 'remind', before = c.state, after = c.state,
    version = c.version, text = clock_key(clock) .. ' ' .. percent, patrol = c.patrol, dispatch = c.dispatch,
    detail = whole(clock.due)})
  local zh, en = reminder_texts(c, clock, percent)
  notices[#notices + 1] = string.format(
    '{"kind":"reminder","id":%s,"case":%s,"clock":"%s","of":%s,"percent":%d,"level":%d,"grid":%s,"at":%s,"text_zh":%s,"text_en":%s}',
    cjson.encode(table.concat({no, clock_key(clock), whole(clock.due), percent}, '/')), cjson.encode(no), clock.name,
    cjson.encode(some(clock.of) or ''), percent, level, cjson.encode(c.grid), whole(now), cjson.encode(no .. ' ' .. zh), cjson.encode(no .. ': ' .. en))
  return {no, clock_key(clock), whole(clock.due), percent}
end

-- The running clocks whose marks are missing, run low or have all passed: the caller works out more.
local function wanting(no, c)
  local low = {}
  for _, clock in ipairs(c.clocks) do
    local list = c.marks[clock_key(clock)]
    if running(clock) and (not list or #list <= MARKS_LOW or list[#list - 1] <= now) then
      low[#low + 1] = string.format('{"no":%s,"clock":%s,"last":%s}', cjson.encode(no),
        string.sub(clocks_json({clock}), 2, -2), list and list[#list] or 0)
    end
  end
  return low
end

-- Notes what has passed by `now` of the running clocks; the caller keeps `marks` and `level`, or it is noted again. `c`
-- has state, version, level, patrol, dispatch, grid, clocks and marks (both decoded). Answers what was noted, and what
-- `wanting` then says.
local function note_marks(no, c)
  local noted = {}
  c.marks.noted = c.marks.noted or {}
  for _, clock in ipairs(c.clocks) do
    local list, same = c.marks[clock_key(clock)], clock_key(clock) .. ' ' .. whole(clock.due)
    while running(clock) and list and #list > 2 and list[1] <= now do
      if list[2] > (c.marks.noted[same] or 0) then
        noted[#noted + 1] = remind(no, c, clock, list[2])
        c.marks.noted[same] = list[2]
      end
      table.remove(list, 1)
      table.remove(list, 1)
    end
  end
  return noted, wanting(no, c)
end

local function marks_json(c)
  local out = {}
  for _, clock in ipairs(c.clocks) do
    local list = c.marks[clock_key(clock)]
    if list and running(clock) then out[#out + 1] = cjson.encode(clock_key(clock)) .. ':' .. cjson.encode(list) end
  end
  local noted = {}
  for same, percent in pairs(c.marks.noted or {}) do noted[#noted + 1] = cjson.encode(same) .. ':' .. whole(percent) end
  out[#out + 1] = '"noted":{' .. table.concat(noted, ',') .. '}'
  return '{' .. table.concat(out, ',') .. '}'
end

-- Puts the case where the clock worker finds it: at its next mark.
local function set_reminder(no, c)
  local soonest
  for _, clock in ipairs(c.clocks) do
    local list = c.marks[clock_key(clock)]
    local at = list and list[1] or 0
    if running(clock) and (not soonest or at < soonest) then soonest = at end
  end
  if soonest and not listed(OVER, c.state) and c.state ~= 'suspended' then
    redis.call('ZADD', prefix .. 'reminders', whole(soonest), no)
  else
    redis.call('ZREM', prefix .. 'reminders', no)
  end
end

-- Is there a running clock of which not every mark by `now` is known?
local function unmarked(c)
  for _, clock in ipairs(c.clocks) do
    local list = c.marks[clock_key(clock)]
    if running(clock) and (not list or list[#list - 1] <= now) then return true end
  end
  return false
end

-- Marks that the caller worked out for a clock whose marks are missing or low, if it is still that clock.
local function take_more(no, c)
  for _, more in ipairs(arg.more or {}) do
    for _, clock in ipairs(more.no == no and c.clocks or {}) do
      local list = c.marks[more.key] or {}
      if clock_key(clock) == more.key and clock.due == more.due and (list[#list] or 0) == more.last then
        for _, value in ipairs(more.marks) do list[#list + 1] = value end
        c.marks[more.key] = list
      end
    end
  end
end
