-- Judges an attempt where its counters live. The order is the one in the documentation of engine::ports::Attempt.
-- KEYS[1] is the subject's own key; everything else of the subject is under names that begin with it, in its slot.
-- Without `account` the subject is a name, of which everything is forgotten in time; without `door` nothing is attempted
-- and only written.
local base = KEYS[1]
local counters = base .. ':n'
local asked = base .. ':q:' .. a.request
local now = tonumber(a.now)
local ladder = {
  limit = tonumber(a.limit),
  window = tonumber(a.window),
  block = tonumber(a.block),
  longest = tonumber(a.longest),
}

-- 1. A repeat. Only what had an effect is remembered: the rest is judged again and changes nothing either.
local before = redis.call('GET', asked)
if before then
  return before
end
local function remembered(verdict)
  redis.call('SET', asked, verdict, 'PX', a.remember)
  return verdict
end

-- 2. An account's record begins with its revision.
local revision
if a.account then
  revision = string.match(redis.call('GETRANGE', base, 0, 20), '^%d+')
  if not revision then
    return 'gone'
  end
end

-- 3. What is spent, and by whom.
local spent, ours = false, false
local step, steps = tonumber(a.step), nil
if a.code then
  local kept = redis.call('GET', base .. ':c:' .. a.code)
  if kept then
    local till, by = string.match(kept, '^(%d+) (.*)$')
    spent = tonumber(till) > now
    ours = spent and by == a.operation
  end
elseif step then
  -- The last step that was spent and the one before it, newest first, each with its operation on a line of its own.
  steps = redis.call('HGET', counters, 'totp') or ''
  for line in string.gmatch(steps, '[^\n]+') do
    local at, by = string.match(line, '^(%d+) (.*)$')
    at = tonumber(at)
    spent = spent or step <= at
    ours = ours or (step == at and by == a.operation)
  end
end
if ours then
  return 'accepted'
end

-- 4. The door. A token is no guess, and is let through.
local tally
if a.door then
  tally = read_tally(redis.call('HGET', counters, a.door))
  if tally.blocked_until > now and not a.token then
    return 'blocked|' .. whole(tally.blocked_until)
  end
end

-- 5. The wizard's own guesses.
local tries, tries_key, tries_limit = 0, nil, tonumber(a.tries_limit)
if a.wizard then
  tries_key = base .. ':t:' .. a.wizard
  local kept = redis.call('GET', tries_key)
  if kept then
    local till, count = string.match(kept, '^(%d+) (%d+)$')
    if tonumber(till) > now then
      tries = tonumber(count)
    end
  end
  if tries >= tries_limit then
    return 'exhausted'
  end
end

-- A name's counters are kept that long, or as long as they were going to be.
local function keep_counters(life)
  if not a.account then
    redis.call('PEXPIRE', counters, whole(life), 'NX')
    redis.call('PEXPIRE', counters, whole(life), 'GT')
  end
end

local function fail()
  local left, blocked_until = fail_tally(tally, ladder, now)
  redis.call('HSET', counters, a.door, show_tally(tally))
  keep_counters(tally_life(tally, ladder, now))
  local exhausted = '0'
  if a.wizard then
    tries = tries + 1
    local keep = tonumber(a.tries_keep)
    redis.call('SET', tries_key, whole(now + keep) .. ' ' .. whole(tries), 'PX', whole(keep + 60000))
    left = math.min(left, tries_limit - tries)
    exhausted = tries >= tries_limit and '1' or '0'
  end
  return whole(left) .. '|' .. (blocked_until and whole(blocked_until) or '') .. '|' .. exhausted
end

-- 6. Decided upon another state of the account.
if a.revision and revision ~= a.revision then
  return 'stale|' .. redis.call('GET', base)
end

-- 7. Wrong.
if a.right == 'no' then
  return remembered('wrong|' .. fail())
end

-- 8. Right, but used.
if spent and a.token then
  return 'spent|0||0'
end
if spent then
  return remembered('spent|' .. fail())
end

-- 9. A code is sent to nobody who could not use it.
if a.channel then
  local second = read_tally(redis.call('HGET', counters, 'second'))
  if second.blocked_until > now then
    return 'blocked|' .. whole(second.blocked_until)
  end
end

-- 10. The send budget: a log of the times of sends, of which each window has its own view.
local sends, longest = nil, 0
if a.channel then
  sends = {}
  for seconds in string.gmatch(a.windows, '(%d+):') do
    longest = math.max(longest, tonumber(seconds) * 1000)
  end
  for at in string.gmatch(redis.call('HGET', counters, a.channel) or '', '%d+') do
    at = tonumber(at)
    if at + longest > now then
      sends[#sends + 1] = at
    end
  end
  table.sort(sends)
  local free = now
  for seconds, limit in string.gmatch(a.windows, '(%d+):(%d+)') do
    local window, within = tonumber(seconds) * 1000, {}
    limit = tonumber(limit)
    for _, at in ipairs(sends) do
      if at + window > now then
        within[#within + 1] = at
      end
    end
    if #within >= limit then
      -- The send whose leaving makes room; with a limit of nothing there is never room.
      free = math.max(free, (within[#within - limit + 1] or now) + window)
    end
  end
  if free > now then
    return 'over|' .. whole(free)
  end
end

-- 11. Accepted. Everything is read before anything is written, so that a damaged record leaves nothing half done.
local names = a.doc and assert(string.match(redis.call('GET', base), '^%d+ (%S*) '))
local sessions = base .. ':s'
local opened = a.session and a.session_head .. ' ' .. a.session_doc
local proved
if a.proved then
  local record = redis.call('GET', sessions .. ':' .. a.proved) or (a.proved == a.session and opened)
  if record then
    local old, doc = string.match(record, '^(%d+) %S+ (.*)$')
    proved = whole(tonumber(old) + 1) .. ' ' .. a.proved_by .. ' ' .. doc
  end
end
if a.right == 'yes' then
  redis.call('HDEL', counters, a.door)
end
if a.code then
  local keep = tonumber(a.code_keep)
  redis.call('SET', base .. ':c:' .. a.code, whole(now + keep) .. ' ' .. a.operation, 'PX', whole(keep + 60000))
elseif step then
  local last = string.match(steps, '^[^\n]+')
  redis.call('HSET', counters, 'totp', a.step .. ' ' .. a.operation .. (last and '\n' .. last or ''))
end
if a.doc then
  redis.call('SET', base, a.doc_revision .. ' ' .. names .. ' ' .. a.doc)
end
for change in string.gmatch(a.changes or '', '[^\n]+') do
  redis.call('RPUSH', base .. ':log', change)
end
if opened and redis.call('SET', sessions .. ':' .. a.session, opened, 'NX', 'PX', a.session_life) then
  redis.call('ZREMRANGEBYSCORE', sessions, '-inf', a.now)
  redis.call('ZADD', sessions, a.session_expires, a.session)
end
if proved then
  redis.call('SET', sessions .. ':' .. a.proved, proved, 'KEEPTTL')
end
if a.end_but then
  for _, id in ipairs(redis.call('ZRANGE', sessions, 0, -1)) do
    if id ~= a.end_but then
      redis.call('DEL', sessions .. ':' .. id)
      redis.call('ZREM', sessions, id)
    end
  end
end
if sends then
  sends[#sends + 1] = now
  for i, at in ipairs(sends) do
    sends[i] = whole(at)
  end
  redis.call('HSET', counters, a.channel, table.concat(sends, ' '))
  keep_counters(longest + 60000)
end
return remembered('accepted')
