-- Puts seals on the next entries of the stream of acts, if the newest seal is still the one they follow (`arg.after`).
-- `arg.seals` is [id, hash, local day, id, hash, local day, …] in stream order. Answers how many were put.
local key = prefix .. 'seal'
if (redis.call('HGET', key, 'id') or '0-0') ~= arg.after then return 0 end
for i = 1, #arg.seals, 3 do
  local id, hash = arg.seals[i], arg.seals[i + 1]
  redis.call('XADD', prefix .. 'seals', 'MINID', '~', whole(now - arg.case_ttl * 1000), id, 'h', hash)
  redis.call('HSET', key, 'id', id, 'hash', hash, 'day:' .. arg.seals[i + 2], hash)
end
return #arg.seals / 3
