-- Takes one send off the log of a channel. KEYS[1]: the account or name; ARGV: request, how long to remember it, channel, time
-- of the send.
local asked = KEYS[1] .. ':q:' .. ARGV[1]
local counters = KEYS[1] .. ':n'
if redis.call('EXISTS', asked) == 1 then
  return 'done'
end
local kept, taken = {}, false
for at in string.gmatch(redis.call('HGET', counters, ARGV[3]) or '', '%d+') do
  if at == ARGV[4] and not taken then
    taken = true
  else
    kept[#kept + 1] = at
  end
end
if taken then
  redis.call('SET', asked, '1', 'PX', ARGV[2])
  if #kept == 0 then
    redis.call('HDEL', counters, ARGV[3])
  else
    redis.call('HSET', counters, ARGV[3], table.concat(kept, ' '))
  end
end
return 'done'
