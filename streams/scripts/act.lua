-- One act as somebody asks for it: `perform` in life.lua checks and does it. The answer is JSON, kept under case, act,
-- person and request, so a call that is repeated (a retry, a redelivered reply) is harmless, and a request that somebody
-- else names the same is another one. A refusal is not kept: nothing happened. Second comes the case as it is now.
local a = arg.asked
local done = prefix .. 'done:' .. table.concat({a.no, a.act, a.by, a.request}, '/')
local answered = redis.call('GET', done)
if not answered then
  local answer, patrols = perform(a)
  answered = cjson.encode(answer)
  if answer.ok then
    write_counts()
    journal('act', arg.a)
    announce_touched({patrols = patrols, alerts = {}, cases = {}, notices = notices})
    redis.call('SET', done, answered, 'EX', arg.seen_ttl)
  end
end
return {answered, shown[a.no] or json(prefix .. 'case:' .. a.no, CASE, CASE_NAMES)}
