-- Replaces a wizard on the revision before. The record is "revision expires requests document"; the last two requests
-- are in it, so that a repeat is known even when the next step came in between.
-- KEYS[1]: the wizard; ARGV: request, revision, expiry in Unix milliseconds, document.
local record = redis.call('GET', KEYS[1])
if not record then
  return 'gone'
end
local revision, expires, requests = string.match(record, '^(%d+) (%d+) (%S+) ')
if string.find(',' .. requests .. ',', ',' .. ARGV[1] .. ',', 1, true) then
  return 'done'
end
if tonumber(revision) ~= tonumber(ARGV[2]) - 1 then
  return 'lost|' .. record
end
local life = redis.call('PTTL', KEYS[1]) + tonumber(ARGV[3]) - tonumber(expires)
local last = string.match(requests, '^[^,]+')
local text = ARGV[2] .. ' ' .. ARGV[3] .. ' ' .. ARGV[1] .. ',' .. last .. ' ' .. ARGV[4]
redis.call('SET', KEYS[1], text, 'PX', string.format('%.0f', math.max(life, 1000)))
return 'done'
