-- Claims a name for an account. The record is "account claimed_at claim revision document"; revision 0 and no document
-- until it is filled. KEYS[1]: the name; ARGV: account, time, claim, the account that has been found not to hold it.
local record = redis.call('GET', KEYS[1])
if record then
  local id, at, claim, revision = string.match(record, '^(%d+) (%d+) (%S+) (%d+) ')
  if id == ARGV[1] then
    if revision == '0' then
      redis.call('SET', KEYS[1], id .. ' ' .. ARGV[2] .. ' ' .. ARGV[3] .. ' 0 ')
    end
    return claim == ARGV[3] and 'claimed' or 'ours'
  end
  if id ~= ARGV[4] then
    return 'held|' .. id .. '|' .. at .. '|' .. claim .. '|' .. revision
  end
end
redis.call('SET', KEYS[1], ARGV[1] .. ' ' .. ARGV[2] .. ' ' .. ARGV[3] .. ' 0 ')
return 'claimed'
