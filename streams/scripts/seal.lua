-- Puts seals on the next entries of the stream of acts, if the newest seal is still the one they follow (`arg.after`).
-- `arg.seals` is [id, hash, local day, id, hash, local day, …] in stream order. Answers how many were put. Of the seals
-- that are trimmed the newest stays in the hash `seal` (`from`, `from_hash`): the chain that is kept begins behind it.
local key, seals = prefix .. 'seal', prefix .. 'seals'
if (redis.call('HGET', key, 'id') or '0-0') ~= arg.after then return 0 end
for i = 1, #arg.seals, 3 do
  local id, hash = arg.seals[i], arg.seals[i + 1]
  redis.call('XADD', seals, id, 'h', hash)
  redis.call('HSET', key, 'id', id, 'hash', hash, 'day:' .. arg.seals[i + 2], hash)
end
local cut = whole(now - arg.case_ttl * 1000)
local gone = redis.call('XREVRANGE', seals, '(' .. cut .. '-0', '-', 'COUNT', 1)[1]
if gone then
  redis.call('HSET', key, 'from', gone[1], 'from_hash', gone[2][2])
  redis.call('XTRIM', seals, 'MINID', '=', cut)
end
return #arg.seals / 3
