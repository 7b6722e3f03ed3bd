-- Everything that the site knows at one moment: how far its streams have come, and each key but those that are left out,
-- as DUMP gives it, with how long it still lives (ms, -1: for ever). Reads only: a replica will do. ARGV[1]: msgpack, what is left out:
-- `names`, and `groups`, by what stands before the first colon. The keys are found here and not by the caller: one that
-- came or went between finding and reading would be missing, or half of a change would. Answers the streams' last ids,
-- the time (epoch ms), and name, time to live, content, name, …
local prefix, arg = KEYS[1], cmsgpack.unpack(ARGV[1])
local names, groups = {}, {}
for _, name in ipairs(arg.names) do names[name] = true end
for _, group in ipairs(arg.groups) do groups[group] = true end

local positions = {}
for i, stream in ipairs(arg.streams) do
  positions[i] = '0-0'
  if redis.call('EXISTS', prefix .. stream) == 1 then
    local info = redis.call('XINFO', 'STREAM', prefix .. stream)
    for n = 1, #info, 2 do
      if info[n] == 'last-generated-id' then positions[i] = info[n + 1] end
    end
  end
end

-- A case with a contact is given as its fields, without the contact: who reported has no place in a copy.
local function content(key, name)
  if string.sub(name, 1, 5) ~= 'case:' or (redis.call('HGET', key, 'contact') or '') == '' then
    return redis.call('DUMP', key)
  end
  local fields = redis.call('HGETALL', key)
  for i = 1, #fields, 2 do
    if fields[i] == 'contact' then fields[i + 1] = '' end
  end
  return fields
end

local found, n, cursor, length = {}, 0, '0', #prefix
local pattern = string.gsub(prefix, '[%[%]%*%?%\\]', '\\%0') .. '*'
repeat
  local page = redis.call('SCAN', cursor, 'MATCH', pattern, 'COUNT', 1000)
  cursor = page[1]
  for _, key in ipairs(page[2]) do
    local name = string.sub(key, length + 1)
    if not names[name] and not groups[string.match(name, '^[^:]*')] then
      found[n + 1], found[n + 2], found[n + 3] = name, redis.call('PTTL', key), content(key, name)
      n = n + 3
    end
  end
until cursor == '0'
local time = redis.call('TIME')
return {positions, time[1] * 1000 + math.floor(time[2] / 1000), found}
