-- Where the named patrols are and what the fences remember of them (streams/fence_memory.py). Reads only.
-- KEYS[1]: the site's prefix. ARGV[1]: a msgpack list of ids. The caller keeps it small.
local out = {}
for _, id in ipairs(cmsgpack.unpack(ARGV[1])) do
  local p = redis.call('HMGET', KEYS[1] .. 'patrol:' .. id, 'at', 'lon', 'lat', 'accuracy', 'duty', 'case', 'sub',
    'fence')
  local at, lon, lat = tonumber(p[1] or ''), tonumber(p[2] or ''), tonumber(p[3] or '')
  if at and lon and lat then
    out[#out + 1] = {id, at, lon, lat, tonumber(p[4] or '') or -1, p[5] or '', p[6] or '', p[7] or '', p[8] or ''}
  end
end
return cmsgpack.pack(out)
