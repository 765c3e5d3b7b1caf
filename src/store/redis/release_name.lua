-- Gives a name up. With a claim: only if that claim is the last word on it. KEYS[1]: the name; ARGV: account, claim or
-- nothing.
local record = redis.call('GET', KEYS[1])
if record then
  local id, claim, revision = string.match(record, '^(%d+) %d+ (%S+) (%d+) ')
  if id == ARGV[1] and (ARGV[2] == '' or (claim == ARGV[2] and revision == '0')) then
    redis.call('DEL', KEYS[1])
  end
end
return 'done'
