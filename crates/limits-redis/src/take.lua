-- Takes from buckets. ARGV: how far a bucket may stray, the present moment; then for each key how long a call takes to
-- refill, when the bucket is empty, where it stands at least, how many calls come back, how many are wanted. All moments
-- and spans are whole microseconds, which a double holds exactly until the year 2255.
local stray, now = tonumber(ARGV[1]), tonumber(ARGV[2])
local answer = {}
for place, key in ipairs(KEYS) do
  local own = 2 + (place - 1) * 5
  local span, empty, least = tonumber(ARGV[own + 1]), tonumber(ARGV[own + 2]), tonumber(ARGV[own + 3])
  local returned, wanted = tonumber(ARGV[own + 4]), tonumber(ARGV[own + 5])
  local before = least
  local known = redis.call('GET', key)
  if known then
    local bucket = tonumber(known)
    if bucket > empty + stray then bucket = empty end
    before = math.max(bucket - returned * span, least)
  end
  local granted = math.max(0, math.min(wanted, math.floor((empty - before) / span)))
  local full = before + granted * span
  -- Kept for two minutes longer than needed: servers' clocks differ.
  local kept = math.ceil(math.max(full - now, 0) / 1000) + 120000
  redis.call('SET', key, string.format('%.0f', full), 'PX', string.format('%.0f', kept))
  answer[#answer + 1] = granted
  answer[#answer + 1] = full
end
return answer
