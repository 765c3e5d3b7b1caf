-- Replaces an account on the revision before, unless a name that was claimed for it has been taken over since.
-- KEYS[1]: the account; ARGV: claim, revision, record.
local record = redis.call('GET', KEYS[1])
if record == ARGV[3] then
  return 'done'
end
if not record or tonumber(string.match(record, '^%d+')) ~= tonumber(ARGV[2]) - 1 then
  return 'changed'
end
if redis.call('EXISTS', KEYS[1] .. ':lost:' .. ARGV[1]) == 1 then
  return 'lost'
end
redis.call('SET', KEYS[1], ARGV[3])
return 'done'
