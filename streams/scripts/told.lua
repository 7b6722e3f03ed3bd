-- The loudspeaker has spoken (`arg.said`, epoch ms): the alert is looked at again at `arg.again`, and the announcement has
-- left the outbox.
redis.call('HSET', prefix .. 'alert:' .. arg.alert, 'said', whole(arg.said))
redis.call('ZADD', prefix .. 'announced', 'XX', whole(arg.again), arg.alert)
redis.call('XACK', prefix .. 'outbox', 'clock', arg.task)
redis.call('XDEL', prefix .. 'outbox', arg.task)
journal('told', arg.a)
