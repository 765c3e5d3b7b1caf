-- Counts a failure on a client address; the end of the block that it begins, or nothing; "blocked|" and the end of a
-- block that was there before. KEYS[1]: the address.
local asked = KEYS[1] .. ':q:' .. a.request
local now = tonumber(a.now)
local ladder = {
  limit = tonumber(a.limit),
  window = tonumber(a.window),
  block = tonumber(a.block),
  longest = tonumber(a.longest),
}
local before = redis.call('GET', asked)
if before then
  return before
end
local tally = read_tally(redis.call('GET', KEYS[1]))
if tally.blocked_until > now then
  return 'blocked|' .. whole(tally.blocked_until)
end
local _, blocked_until = fail_tally(tally, ladder, now)
local answer = blocked_until and whole(blocked_until) or ''
redis.call('SET', KEYS[1], show_tally(tally), 'PX', whole(tally_life(tally, ladder, now)))
redis.call('SET', asked, answer, 'PX', a.remember)
return answer
