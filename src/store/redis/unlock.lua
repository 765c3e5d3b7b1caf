-- Forgets the failures at both doors. KEYS[1]: the account; ARGV: request, how long to remember it.
local asked = KEYS[1] .. ':q:' .. ARGV[1]
if redis.call('EXISTS', asked) == 0 then
  redis.call('HDEL', KEYS[1] .. ':n', 'first', 'second')
  redis.call('SET', asked, '1', 'PX', ARGV[2])
end
return 'done'
