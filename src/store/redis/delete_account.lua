-- Deletes an account with all that is its own; what counts down by itself (spent codes, a wizard's guesses) holds only
-- digests and is left to its time. KEYS[1]: the account; ARGV: request, how long to remember it.
local asked = KEYS[1] .. ':q:' .. ARGV[1]
if redis.call('EXISTS', asked) == 1 then
  return 'deleted'
end
local sessions = KEYS[1] .. ':s'
for _, id in ipairs(redis.call('ZRANGE', sessions, 0, -1)) do
  redis.call('DEL', sessions .. ':' .. id)
end
redis.call('DEL', sessions, KEYS[1] .. ':n', KEYS[1] .. ':log')
if redis.call('DEL', KEYS[1]) == 0 then
  return 'none'
end
redis.call('SET', asked, '1', 'PX', ARGV[2])
return 'deleted'
