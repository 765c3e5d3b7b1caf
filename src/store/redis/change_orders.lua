-- Puts orders in the place of those before. KEYS[1]: where they are kept, "serial document"; ARGV: request, how long to
-- remember it, the serial before, the new record.
local asked = KEYS[1] .. ':q:' .. ARGV[1]
if redis.call('EXISTS', asked) == 1 then
  return 'done'
end
local kept = redis.call('GET', KEYS[1]) or ''
if (string.match(kept, '^%d+') or '0') ~= ARGV[3] then
  return 'other|' .. kept
end
redis.call('SET', KEYS[1], ARGV[4])
redis.call('SET', asked, '1', 'PX', ARGV[2])
return 'done'
