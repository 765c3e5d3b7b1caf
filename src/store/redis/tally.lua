-- The rules of identity::Tally, on the text "failures since blocked_until blocks". Times are Unix milliseconds.

-- All whole numbers leave a script through here: Lua prints large ones rounded.
local function whole(number)
  return string.format('%.0f', number)
end

local function read_tally(text)
  if not text then
    return { failures = 0, since = 0, blocked_until = 0, blocks = 0 }
  end
  local failures, since, blocked_until, blocks = string.match(text, '^(%d+) (%d+) (%d+) (%d+)$')
  return {
    failures = tonumber(failures),
    since = tonumber(since),
    blocked_until = tonumber(blocked_until),
    blocks = tonumber(blocks),
  }
end

local function show_tally(tally)
  return whole(tally.failures) .. ' ' .. whole(tally.since) .. ' ' .. whole(tally.blocked_until) .. ' '
    .. whole(tally.blocks)
end

-- Counts one failure; what is left before the next block, and the end of the block that this failure began or nil.
local function fail_tally(tally, ladder, now)
  local stale = ladder.window > 0 and now - tally.since >= ladder.window
  if tally.failures == 0 or stale then
    tally.failures = 0
    tally.since = now
  end
  tally.failures = tally.failures + 1
  if tally.failures < ladder.limit then
    return ladder.limit - tally.failures, nil
  end
  if now - tally.blocked_until >= ladder.longest + 86400000 then
    tally.blocks = 0
  end
  local doubled = ladder.block * 2 ^ math.min(tally.blocks, 20)
  tally.blocked_until = now + math.min(doubled, ladder.longest)
  tally.blocks = tally.blocks + 1
  tally.failures = 0
  return 0, tally.blocked_until
end

-- How long a tally that belongs to no account is kept after its last failure: until nothing it says can matter, and
-- another longest block and a day, so that the ladder is not forgotten while somebody is still climbing it.
local function tally_life(tally, ladder, now)
  return math.max(tally.blocked_until - now, ladder.window) + ladder.longest + 86400000
end
