-- The records of an account's sessions. KEYS[1]: the account.
local sessions = KEYS[1] .. ':s'
local records = {}
for _, id in ipairs(redis.call('ZRANGE', sessions, 0, -1)) do
  records[#records + 1] = redis.call('GET', sessions .. ':' .. id) or nil
end
return records
