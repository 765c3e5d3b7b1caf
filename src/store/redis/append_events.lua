-- Adds events to the end of the stream, all or none. KEYS[1]: the stream; ARGV: request, how long to remember it, how
-- many events to keep at least, and the events.
local asked = KEYS[1] .. ':q:' .. ARGV[1]
if redis.call('EXISTS', asked) == 1 then
  return 'done'
end
for i = 4, #ARGV do
  -- About so many: whole nodes of the stream are let go of, which costs next to nothing.
  redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[3], '*', 'event', ARGV[i])
end
redis.call('SET', asked, '1', 'PX', ARGV[2])
return 'done'
