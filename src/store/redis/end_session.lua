-- Ends one session. KEYS[1]: the account; ARGV: request, how long to remember it, session.
local asked = KEYS[1] .. ':q:' .. ARGV[1]
if redis.call('EXISTS', asked) == 1 then
  return 'ended'
end
redis.call('ZREM', KEYS[1] .. ':s', ARGV[3])
if redis.call('DEL', KEYS[1] .. ':s:' .. ARGV[3]) == 0 then
  return 'none'
end
redis.call('SET', asked, '1', 'PX', ARGV[2])
return 'ended'
