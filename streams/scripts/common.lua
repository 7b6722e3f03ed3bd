-- Shared by all scripts that change something, which are loaded with this text in front (and, before it, with the table
-- of workflow.py as Lua). KEYS[1] is the site's prefix (it carries the hash tag, so every name built from it lies in one
-- slot); ARGV[1] is one msgpack value.
local prefix = KEYS[1]
local arg = cmsgpack.unpack(ARGV[1])
local now = arg.now
local FAR = 9000000000000000  -- the deadline of a case on which no clock is running: after every real one

-- How a stored hash becomes JSON: s = text, o = text or null, n = number (or JSON) as it was stored, or null, d = number
-- or 0, b = "1" or not, j = a list that is already JSON.
local CASE = {
  {'no','s'}, {'state','s'}, {'version','n'}, {'matter','s'}, {'priority','n'}, {'origin','s'}, {'received','n'},
  {'category','s'}, {'device','s'}, {'lon','n'}, {'lat','n'}, {'grid','o'}, {'grids','j'}, {'cell','o'},
  {'clocks','j'}, {'events','n'}, {'updated','n'}, {'alert','s'}, {'ended','n'}, {'image','o'}, {'patrol','s'},
  {'department','s'}, {'person','s'}, {'post','s'}, {'dispatch','s'}, {'dispatched','n'}, {'closed','n'}, {'by','s'},
  {'act','s'}, {'acted','n'}, {'owner','s'}, {'level','d'}, {'tasks','j'}, {'request','n'}, {'into','s'},
  {'until','n'}, {'score','n'}, {'auto','b'}, {'aid','s'}, {'split','j'},
}
local ALERT = {
  {'alert','s'}, {'device','s'}, {'category','s'}, {'phase','s'}, {'severity','n'}, {'at','n'}, {'received','n'},
  {'grid','o'}, {'case','s'}, {'lon','n'}, {'lat','n'}, {'ended','n'}, {'image','o'}, {'announced','n'},
  {'settled','s'},
}

local function names(spec)
  local out = {}
  for i, field in ipairs(spec) do out[i] = field[1] end
  return out
end
local CASE_NAMES, ALERT_NAMES = names(CASE), names(ALERT)

local function json(key, spec, fields)
  local values = redis.call('HMGET', key, unpack(fields))
  local out = {}
  for i, field in ipairs(spec) do
    local value, as = values[i], field[2]
    if as == 's' then value = cjson.encode(value or '')
    elseif as == 'o' then value = value and value ~= '' and cjson.encode(value) or 'null'
    elseif as == 'j' then value = value and value ~= '' and value or '[]'
    elseif as == 'd' then value = value and value ~= '' and value or '0'
    elseif as == 'b' then value = value == '1' and 'true' or 'false'
    else value = value and value ~= '' and value or 'null' end
    out[i] = '"' .. field[1] .. '":' .. value
  end
  return '{' .. table.concat(out, ',') .. '}'
end

-- Whole milliseconds as text: Lua would write a large number with an exponent.
local function whole(number) return string.format('%.0f', number) end

local function listed(list, wanted, from)
  for i = from or 1, #list do if list[i] == wanted then return true end end
  return false
end

-- What cjson reads as null is as good as nothing.
local function some(value)
  if value == nil or value == cjson.null or value == '' then return nil end
  return value
end

local function clocks_json(clocks)
  local out = {}
  for i, clock in ipairs(clocks) do
    local done, paused = some(clock.done), some(clock.paused)
    out[i] = string.format('{"name":"%s","start":%.0f,"due":%.0f,"done":%s,"provisional":%s,"limit":%s,"paused":%s,"of":%s}',
      clock.name, clock.start, clock.due, done and whole(done) or 'null', clock.provisional and 'true' or 'false',
      cjson.encode(clock.limit or ''), paused and whole(paused) or 'null', cjson.encode(clock.of or ''))
  end
  return '[' .. table.concat(out, ',') .. ']'
end

local function running(clock) return not some(clock.done) and not some(clock.paused) end

local function next_due(clocks)
  local due = FAR
  for _, clock in ipairs(clocks) do
    if running(clock) and clock.due < due then due = clock.due end
  end
  return due
end

-- Up to where a stream may be trimmed: what is older than `age` ms goes, but where an archive worker works (it keeps the
-- hash `archived`: the last stream ids it has committed) nothing that it has not.
local archived
local function oldest(stream, age)
  if not archived then
    archived = {}
    local flat = redis.call('HGETALL', prefix .. 'archived')
    for i = 1, #flat, 2 do archived[flat[i]] = flat[i + 1] end
  end
  local cut = now - age
  if not next(archived) then return whole(cut) end
  local upto = archived[stream] or '0-0'
  return cut < tonumber(string.match(upto, '^%d+')) and whole(cut) or upto
end

-- Events are the bulk. Without an archive they go by age and number; with one, in numbers, after an hour, since there
-- they still are.
local function trim_events()
  local key, cut = prefix .. 'events', oldest('events', arg.events_ms)
  if not next(archived) then
    redis.call('XTRIM', key, 'MAXLEN', '~', arg.events_kept)
  elseif redis.call('XLEN', key) > arg.events_kept then
    cut = oldest('events', arg.events_archived_ms)
  end
  redis.call('XTRIM', key, 'MINID', '~', cut)
end

-- Every entry goes, as the same bytes, into the log of its case and into the one stream that is sealed.
local function log(no, entry)
  local text = cjson.encode(entry)
  redis.call('RPUSH', prefix .. 'log:' .. no, text)
  redis.call('XADD', prefix .. 'acts', 'MINID', '~', oldest('acts', arg.case_ttl * 1000), '*', 'no', no, 'e', text)
end

-- One entry for each call that changed something, in the order of the changes: with the events, all that is needed to do
-- it again (streams/journal.py). `asked` is JSON that only Python reads; `count`: how many events were appended.
local function journal(kind, asked, count)
  local fields = {'k', kind, 'n', whole(now), 'v', arg.v}
  if asked then fields[#fields + 1], fields[#fields + 2] = 'a', asked end
  if count then fields[#fields + 1], fields[#fields + 2] = 'c', count end
  redis.call('XADD', prefix .. 'journal', 'MINID', '~', oldest('journal', arg.journal_ms), '*', unpack(fields))
end

local function patrol_state(duty, case, sub)
  if case and case ~= '' then return sub == 'scene' and 'scene' or 'way' end
  if duty == 'off_duty' then return 'off' end
  return 'free'
end

-- One entry for the feed: every screen folds it. `parts` maps a name to a list of JSON texts.
local function announce(now, parts)
  local fields = {}
  for name, items in pairs(parts) do
    if #items > 0 then
      fields[#fields + 1] = name
      fields[#fields + 1] = '[' .. table.concat(items, ',') .. ']'
    end
  end
  if #fields > 0 then
    redis.call('XADD', prefix .. 'changes', 'MINID', '~', oldest('changes', arg.changes_ms), '*', 'n', whole(now),
      unpack(fields))
  end
end
