-- Puts a value in the place of another. KEYS[1]: where it is kept; ARGV: the value before or nothing, the new one.
local kept = redis.call('GET', KEYS[1]) or ''
if kept == ARGV[2] then
  return 'done'
end
if kept ~= ARGV[1] then
  return 'other'
end
redis.call('SET', KEYS[1], ARGV[2])
return 'done'
