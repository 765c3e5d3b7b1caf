-- Ends all sessions of an account but one. KEYS[1]: the account; ARGV: the one to keep.
local sessions = KEYS[1] .. ':s'
for _, id in ipairs(redis.call('ZRANGE', sessions, 0, -1)) do
  if id ~= ARGV[1] then
    redis.call('DEL', sessions .. ':' .. id)
    redis.call('ZREM', sessions, id)
  end
end
return 'done'
