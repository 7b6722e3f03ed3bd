-- Tells every screen something: `arg.notice` is JSON.
announce(now, {notices = {arg.notice}})
