-- All that a decision asks of the store, in order and in one step. The meaning is that of
-- engine/runtime/throttle.py, whose names are used here; what only Python must know (what remains,
-- how long to wait) it computes itself from the values before, which are what is answered.
--
-- ARGV[1] is [now, ticks in a ms, ticks of a session, [op, ...]], packed. Where there are ticks in a
-- ms the server has the say about now, and a tick is a microsecond. Levels are kept divided by a
-- *scale* that Python chooses so that they are whole: limits of daily life stay plain numbers.
--
-- Values are MAGIC, a letter for the kind, and packed:
--   bucket       [at, level, window, scale, closes, [since, low ...]]; a budget has window 0
--   slots        [at, (end, count) ...]
--   reservation  [until, [key, window, scale, limit, at, unit, estimate, step, coarse], ...]
--   meter        [newest, 61 counts]        labels  {label: until}
--   placeholder  [until, sealed]            turns   [until, count]
--   sources      {source: [until, full, number]}, and a set of fingerprints under each number
-- Invariant: nothing is written before everything was read and found to be ours.

local MAGIC = '\0pe1'
local LOWS = 8
local SLOTS = 61
local SLOT_ENDS, SLOT_CELLS = 64, 32
local CENTURY = 3.15e12
local PRINTS, CHUNK = 65536, 4000
local request = cmsgpack.unpack(ARGV[1])
local now, per_ms, session = read(request[1]), request[2], read(request[3])
if per_ms > 0 then
  local time = redis.call('TIME')
  now = time[1] * 1e6 + time[2]
end

local entries, changes = {}, {}
local METHODS, FINISH = {}, {}

local function entry(key, kind)
  local found = entries[key]
  if not found then
    local raw = redis.pcall('GET', key)
    if type(raw) == 'table' then error('FOREIGN') end
    found = {raw = raw}
    if raw then
      local good, value = pcall(cmsgpack.unpack, string.sub(raw, 6))
      if string.sub(raw, 1, 5) ~= MAGIC .. kind or not good then error('FOREIGN') end
      found.value = value
    end
    entries[key] = found
  end
  return found
end

local function pack_bucket(bucket)
  local value, lows, plain = {}, bucket[6], true
  for i = 1, lows and 0 or 5 do plain = plain and type(bucket[i]) == 'number' end
  if plain and not lows then return cmsgpack.pack(bucket) end
  for i = 1, 5 do value[i] = written(bucket[i]) end
  if lows and #lows > 0 then
    value[6] = {}
    for i = 1, #lows do value[6][i] = written(lows[i]) end
  end
  return cmsgpack.pack(value)
end

local function raw_of(key, kind)
  local found = entry(key, kind)
  if found.raw == nil then
    local packed = found.value and (kind == 'b' and pack_bucket or cmsgpack.pack)(found.value)
    found.raw = packed and MAGIC .. kind .. packed or false
  end
  return found.raw
end

-- The ms that an entry is kept that matters until *ends*.
local function lasting(ends)
  if per_ms == 0 then return 3.6e6 end -- Instants come from elsewhere: they tell nothing here.
  return math.min(math.ceil(about(less(ends, now)) / per_ms * (1 + 1e-12)) + 1, CENTURY)
end

-- Let the value be *value* (nil: none) until *ends*.
local function put(key, kind, value, ends)
  local found = entry(key, kind)
  if not found.life then changes[#changes + 1] = key end
  found.value, found.raw, found.kind = value, nil, kind
  found.life = lasting(ends)
end

-- --- buckets ------------------------------------------------------------------------------------

-- A bucket is [at, level, window, scale, closes, lows], as it is kept, with its numbers read; lows
-- may be absent.
local function bucket_of(key)
  local found = entry(key, 'b')
  local bucket = found.value
  if bucket and not found.known then
    for i = 1, 5 do bucket[i] = read(bucket[i]) end
    local lows = bucket[6] or {}
    for i = 1, #lows do lows[i] = read(lows[i]) end
    found.known = true
  end
  return bucket
end

local function keep_bucket(key, bucket, limit)
  local at, level, window, ends = bucket[1], bucket[2], bucket[3], bucket[5]
  if window ~= 0 then
    ends = at
    if level ~= 0 then
      -- To be forgotten too late is no harm: doubles do.
      local ticks = limit ~= 0 and about(level) / about(limit) or 9e15
      ends = add(at, math.min(math.ceil(ticks * (1 + 1e-9)), 8e15))
    end
  end
  put(key, 'b', bucket, ends)
  entries[key].known = true
end

-- The bucket at *now*, and what figures of *scale* are to be multiplied with to fit it.
local function drain(bucket, window, scale, limit)
  if not bucket then return {now, 0, window, scale, 0}, 1 end
  local at, level, length, kept, _, lows = unpack(bucket, 1, 6)
  local factor = 1
  if compare(length, window) ~= 0 then
    -- The author changed the period: what was used stays used.
    level = over(add(times(times(level, kept), window), less(length, 1)), length)
    lows, kept = nil, 1
  end
  if compare(kept, scale) ~= 0 then
    level = times(level, kept)
    local exact = {}
    for i = 1, lows and #lows or 0, 2 do exact[i], exact[i + 1] = lows[i], times(lows[i + 1], kept) end
    lows, kept, factor = exact, 1, scale
  end
  local passed = less(now, at)
  if passed ~= 0 then
    at, level = now, less(level, times(passed, times(limit, factor)))
  end
  return {at, level, window, kept, 0, lows}, factor
end

local function roll(bucket, opens, closes)
  if not bucket or compare(opens, bucket[5]) >= 0 then return {opens, 0, 0, 1, closes} end
  if compare(closes, bucket[5]) > 0 then return {bucket[1], bucket[2], 0, 1, closes} end
  return bucket
end

local function lower(lows, at, before, after)
  local n, kept = #lows, {}
  if n > 0 and compare(lows[n - 1], at) == 0 then
    for i = 1, n - 2 do kept[i] = lows[i] end
    kept[n - 1], kept[n] = at, after
    return kept
  end
  local i = 1
  while i < n and compare(lows[i + 1], before) < 0 do
    kept[i], kept[i + 1] = lows[i], lows[i + 1]
    i = i + 2
  end
  if i < n then kept[i], kept[i + 1] = lows[i], before end
  kept[#kept + 1] = at
  kept[#kept + 1] = after
  if #kept > 2 * LOWS then
    local least, place
    for j = 3, #kept, 2 do
      local gap = less(kept[j + 1], kept[j - 1])
      if not least or compare(gap, least) < 0 then least, place = gap, j end
    end
    table.remove(kept, place)
    table.remove(kept, place)
  end
  return kept
end

-- What *bucket* is after a take, or nil where it does not fit; *owed* fits always. And the limit.
local function admit(bucket, take, owed)
  local _, window, step, limit, capacity, scale, opens, closes = unpack(take, 1, 8)
  window, step, limit, capacity = read(window), read(step), read(limit), read(capacity)
  if window == 0 then
    local budget = roll(bucket, read(opens), read(closes))
    local level = add(budget[2], step)
    local above = compare(level, capacity)
    if not owed and (above > 0 or (step == 0 and above == 0)) then return nil end
    return {budget[1], level, 0, 1, budget[5]}
  end
  local moved, factor = drain(bucket, window, read(scale), limit)
  if factor ~= 1 then
    step, capacity, limit = times(step, factor), times(capacity, factor), times(limit, factor)
  end
  local before, lows = moved[2], moved[6]
  local level = add(before, step)
  local above = compare(level, capacity)
  if not owed and (above > 0 or (step == 0 and above == 0)) then return nil end
  if take[9] or (lows and #lows > 0) then moved[6] = lower(lows or {}, moved[1], before, level) end
  moved[2] = level
  return moved, limit
end
