-- Whether an account holds a name. When it does not, the claim that it may still be about to make good is lost for
-- ever, so that whoever asked may take the name. KEYS[1]: the account; ARGV: name, claim, how long to remember it.
local record = redis.call('GET', KEYS[1])
if record then
  local names = string.match(record, '^%d+ (%S*) ')
  if string.find(',' .. names .. ',', ',' .. ARGV[1] .. ',', 1, true) then
    return 'holds'
  end
end
redis.call('SET', KEYS[1] .. ':lost:' .. ARGV[2], '1', 'PX', ARGV[3])
return 'free'
