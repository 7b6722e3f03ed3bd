-- One correction of a score: an entry in the log of that score, and with it in the stream of acts, which is sealed. The
-- same request again does nothing more. Answers the number of the entry in its log.
local no = 'score:' .. arg.to .. '/' .. arg.who
local done = prefix .. 'done:' .. table.concat({no, 'correct', arg.by, arg.request}, '/')
local before = redis.call('GET', done)
if before then return tonumber(before) end
local version = redis.call('LLEN', prefix .. 'log:' .. no) + 1
log(no, {at = now, by = arg.by, role = arg.role, act = 'correct', before = '', after = '', version = version,
  text = arg.text, detail = arg.detail})
redis.call('EXPIRE', prefix .. 'log:' .. no, arg.case_ttl)
redis.call('SET', done, version, 'EX', arg.seen_ttl)
journal('correct', arg.a)
return version
