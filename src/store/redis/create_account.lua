-- Writes a new account, unless a name that was claimed for it has been taken over since. Its number is fresh, so an
-- account that is there already is this very call's. KEYS[1]: the account; ARGV: claim, record.
if redis.call('EXISTS', KEYS[1] .. ':lost:' .. ARGV[1]) == 1 then
  return 'lost'
end
redis.call('SET', KEYS[1], ARGV[2], 'NX')
return 'done'
