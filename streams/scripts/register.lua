-- Makes the registered patrols known: they (`arg.patrols`) and only they can be sent. The journal hears of it only when
-- that changes something, since every worker says it at its start.
local wanted, changed = {}, 0
for _, id in ipairs(arg.patrols) do wanted[id] = true end
for _, id in ipairs(redis.call('ZRANGE', prefix .. 'patrols', 0, -1)) do
  if not wanted[id] then changed = changed + redis.call('HDEL', prefix .. 'patrol:' .. id, 'registered') end
end
for _, id in ipairs(arg.patrols) do
  changed = changed + redis.call('HSETNX', prefix .. 'patrol:' .. id, 'registered', '1')
  redis.call('ZADD', prefix .. 'patrols', 'NX', 0, id)
end
if changed > 0 then journal('register', arg.a) end
return changed
