-- Replaces a session on the revision before. KEYS[1]: the account; ARGV: request, how long to remember it, session,
-- revision, record, its life and its expiry in milliseconds.
local asked = KEYS[1] .. ':q:' .. ARGV[1]
if redis.call('EXISTS', asked) == 1 then
  return 'done'
end
local key = KEYS[1] .. ':s:' .. ARGV[3]
local record = redis.call('GET', key)
if not record or tonumber(string.match(record, '^%d+')) ~= tonumber(ARGV[4]) - 1 then
  return 'changed'
end
redis.call('SET', key, ARGV[5], 'PX', ARGV[6])
redis.call('ZADD', KEYS[1] .. ':s', ARGV[7], ARGV[3])
redis.call('SET', asked, '1', 'PX', ARGV[2])
return 'done'
