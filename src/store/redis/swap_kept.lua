-- Puts a kept value in the place of another. A repeat finds its own value there. KEYS[1]: the name; ARGV: the value that
-- must be there, empty for none; the new one.
local kept = redis.call('GET', KEYS[1]) or ''
if kept == ARGV[2] then
  return 'done'
end
if kept ~= ARGV[1] then
  return 'changed'
end
redis.call('SET', KEYS[1], ARGV[2])
return 'done'
