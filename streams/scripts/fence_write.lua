-- What the fences remember of patrols, each only if nobody else changed it since it was read
-- (streams/fence_memory.py). KEYS[1]: the site's prefix. ARGV[1]: a msgpack list of {id, before, after}. Returns the
-- ids that were changed. A patrol whose hash is gone meanwhile gets no new one, which would never expire.
local won = {}
for _, row in ipairs(cmsgpack.unpack(ARGV[1])) do
  local key = KEYS[1] .. 'patrol:' .. row[1]
  local now = redis.call('HMGET', key, 'at', 'fence')
  if now[1] and (now[2] or '') == row[2] then
    redis.call('HSET', key, 'fence', row[3])
    won[#won + 1] = row[1]
  end
end
return won
