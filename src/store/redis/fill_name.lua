-- Copies an account to its name, unless a newer copy is there or the name is another's. A name that was lost (a
-- failover may forget a write) comes back this way. KEYS[1]: the name; ARGV: account, time, claim, revision, document.
local record = redis.call('GET', KEYS[1])
if record then
  local id, revision = string.match(record, '^(%d+) %d+ %S+ (%d+) ')
  if id ~= ARGV[1] then
    return 'held'
  end
  if tonumber(revision) >= tonumber(ARGV[4]) then
    return 'newer'
  end
end
redis.call('SET', KEYS[1], table.concat(ARGV, ' '))
return 'done'
