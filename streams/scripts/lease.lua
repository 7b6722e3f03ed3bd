-- One clock worker at a time sends what is in the outbox. Takes or keeps the lease for `worker`; 1 when it has it.
local arg = cmsgpack.unpack(ARGV[1])
local holder = redis.call('GET', KEYS[1] .. 'sender')
if holder and holder ~= arg.worker then return 0 end
redis.call('SET', KEYS[1] .. 'sender', arg.worker, 'PX', arg.ms)
return 1
