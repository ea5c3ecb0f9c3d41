-- Performs exchanges with buckets. ARGV: the maximum clock skew and the current time; then for each key the emission
-- interval, the arrival time of an empty bucket, the minimum arrival time, the number of calls returned and the number
-- wanted. All times and intervals are whole microseconds, which a double represents exactly until the year 2255.
local max_skew, now = tonumber(ARGV[1]), tonumber(ARGV[2])
local results = {}
for index, key in ipairs(KEYS) do
  local offset = 2 + (index - 1) * 5
  local interval, empty, minimum = tonumber(ARGV[offset + 1]), tonumber(ARGV[offset + 2]), tonumber(ARGV[offset + 3])
  local returned, wanted = tonumber(ARGV[offset + 4]), tonumber(ARGV[offset + 5])
  local before = minimum
  local stored = redis.call('GET', key)
  if stored then
    local bucket = tonumber(stored)
    if bucket > empty + max_skew then bucket = empty end
    before = math.max(bucket - returned * interval, minimum)
  end
  local granted = math.max(0, math.min(wanted, math.floor((empty - before) / interval)))
  local full = before + granted * interval
  -- The key expires two minutes later than necessary, since the servers' clocks differ.
  local ttl = math.ceil(math.max(full - now, 0) / 1000) + 120000
  redis.call('SET', key, string.format('%.0f', full), 'PX', string.format('%.0f', ttl))
  results[#results + 1] = granted
  results[#results + 1] = full
end
return results
