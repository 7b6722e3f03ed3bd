-- What came before? One set per received day (positions: per 20 minutes); those around it are asked too, on both
-- sides, since two workers may receive one message on two sides of midnight. Part of record.lua.
local function fresh(events)
  local groups, duplicate = {}, {}
  for i, e in ipairs(events) do
    local kind = e.kind == 'position' and 'fixes:' or 'seen:'
    local name = kind .. (e.bucket or e.day)
    local group = groups[name]
    if not group then
      group = {ids = {}, at = {}, kind = kind, asked = e.buckets or e.days}
      groups[name] = group
    end
    group.ids[#group.ids + 1] = e.seen
    group.at[#group.at + 1] = i
  end
  local within = {}
  for _, group in pairs(groups) do
    for _, part in ipairs(group.asked) do
      local known = redis.call('SMISMEMBER', prefix .. group.kind .. part, unpack(group.ids))
      for k, yes in ipairs(known) do if yes == 1 then duplicate[group.at[k]] = true end end
    end
    for k, id in ipairs(group.ids) do
      if within[group.kind .. id] then duplicate[group.at[k]] = true end
      within[group.kind .. id] = true
    end
  end
  return duplicate, groups
end

-- What failed is not remembered: a call that is repeated because its answer got lost must say so again.
local function remember(groups, failed)
  for name, group in pairs(groups) do
    local ids = {}
    for k, id in ipairs(group.ids) do
      if not failed[group.at[k]] then ids[#ids + 1] = id end
    end
    if #ids > 0 then
      redis.call('SADD', prefix .. name, unpack(ids))
      redis.call('EXPIRE', prefix .. name, group.kind == 'fixes:' and arg.fixes_ttl or arg.seen_ttl)
    end
  end
end
