-- All that a decision asks of the store, in order and in one step. The meaning is that of
-- engine/runtime/throttle.py, whose names are used here; what only Python must know (what remains,
-- how long to wait) it computes itself from the values before, which are what is answered.
--
-- ARGV[1] is [now, ticks in a ms, ticks of a session, [op, ...]], packed. Where there are ticks in a
-- ms the server has the say about now, and a tick is a microsecond. Levels are kept divided by a
-- *scale* that Python chooses so that they are whole: limits of daily life stay plain numbers.
--
-- Values are MAGIC, a letter for the kind, and packed:
--   bucket       [at, level, window, scale, closes, (since, low) ...]; a budget has window 0
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

local function entry(key, kind)
  local found = entries[key]
  if not found then
    local raw = redis.pcall('GET', key)
    if type(raw) == 'table' then error('FOREIGN') end
    found = {raw = raw}
    if raw then
      if string.sub(raw, 1, 5) ~= MAGIC .. kind then error('FOREIGN') end
      found.value = cmsgpack.unpack(string.sub(raw, 6))
    end
    entries[key] = found
  end
  return found
end

local function raw_of(key, kind)
  local found = entry(key, kind)
  if found.raw == nil then
    found.raw = found.value and MAGIC .. kind .. cmsgpack.pack(found.value) or false
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

local function bucket_of(key)
  local found = entry(key, 'b')
  if not found.bucket and found.value then
    local value = found.value
    local lows = {}
    for i = 6, #value do lows[i - 5] = read(value[i]) end
    found.bucket = {
      at = read(value[1]), level = read(value[2]), window = read(value[3]),
      scale = read(value[4]), closes = read(value[5]), lows = lows,
    }
  end
  return found.bucket
end

local function keep_bucket(key, bucket, limit)
  local value = {
    written(bucket.at), written(bucket.level), written(bucket.window), written(bucket.scale),
    written(bucket.closes),
  }
  for i, figure in ipairs(bucket.lows) do value[5 + i] = written(figure) end
  local ends = bucket.closes
  if bucket.window ~= 0 then
    ends = bucket.at
    if bucket.level ~= 0 then
      -- To be forgotten too late is no harm: doubles do.
      local ticks = limit ~= 0 and about(bucket.level) / about(limit) or 9e15
      ends = add(bucket.at, math.min(math.ceil(ticks * (1 + 1e-9)), 8e15))
    end
  end
  put(key, 'b', value, ends)
  entries[key].bucket = bucket
end

-- The bucket at *now*, and what figures of *scale* are to be multiplied with to fit it.
local function drain(bucket, window, scale, limit)
  if not bucket then
    return {at = now, level = 0, window = window, scale = scale, closes = 0, lows = {}}, 1
  end
  local level, lows, factor, kept = bucket.level, bucket.lows, 1, bucket.scale
  if compare(bucket.window, window) ~= 0 then
    -- The author changed the period: what was used stays used.
    local exactly = times(times(level, kept), window)
    level = over(add(exactly, less(bucket.window, 1)), bucket.window)
    lows, kept = {}, 1
  end
  if compare(kept, scale) ~= 0 then
    level = times(level, kept)
    local exact = {}
    for i = 1, #lows, 2 do exact[i], exact[i + 1] = lows[i], times(lows[i + 1], kept) end
    lows, kept, factor = exact, 1, scale
  end
  local at = bucket.at
  local passed = less(now, at)
  if passed ~= 0 then
    at, level = now, less(level, times(passed, times(limit, factor)))
  end
  return {at = at, level = level, window = window, scale = kept, closes = 0, lows = lows}, factor
end

local function roll(bucket, opens, closes)
  if not bucket or compare(opens, bucket.closes) >= 0 then
    return {at = opens, level = 0, window = 0, scale = 1, closes = closes, lows = {}}
  end
  if compare(closes, bucket.closes) > 0 then
    local at, level = bucket.at, bucket.level
    return {at = at, level = level, window = 0, scale = 1, closes = closes, lows = {}}
  end
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

-- What *bucket* is after a take, or nil where it does not fit; *owed* fits always.
local function admit(bucket, take, owed)
  local window, step, limit, capacity = read(take[2]), read(take[3]), read(take[4]), read(take[5])
  if window == 0 then
    local budget = roll(bucket, read(take[7]), read(take[8]))
    local level = add(budget.level, step)
    local above = compare(level, capacity)
    if not owed and (above > 0 or (step == 0 and above == 0)) then return nil end
    local at, closes = budget.at, budget.closes
    return {at = at, level = level, window = 0, scale = 1, closes = closes, lows = {}}
  end
  local moved, factor = drain(bucket, window, read(take[6]), limit)
  if factor ~= 1 then step, capacity = times(step, factor), times(capacity, factor) end
  local level = add(moved.level, step)
  local above = compare(level, capacity)
  if not owed and (above > 0 or (step == 0 and above == 0)) then return nil end
  if take[9] or #moved.lows > 0 then moved.lows = lower(moved.lows, moved.at, moved.level, level) end
  moved.level = level
  moved.limit = times(limit, factor)
  return moved
end

-- --- slots ----------------------------------------------------------------------------------------

local function slots_of(key)
  local found = entry(key, 's')
  local value, held = found.value, {at = now, ends = {}, counts = {}}
  if not value then return held end
  local at = read(value[1])
  if compare(at, now) > 0 then held.at = at end
  for i = 2, #value, 2 do
    local ends = read(value[i])
    if compare(ends, held.at) > 0 then
      held.ends[#held.ends + 1] = ends
      held.counts[#held.counts + 1] = value[i + 1]
    end
  end
  return held
end

local function keep_slots(key, held)
  local value = {written(held.at)}
  for i, ends in ipairs(held.ends) do
    value[2 * i], value[2 * i + 1] = written(ends), held.counts[i]
  end
  put(key, 's', value, held.ends[#held.ends] or held.at)
end

-- The place of the first end that is not before *ends*.
local function place_of(held, ends)
  local place = 1
  while held.ends[place] and compare(held.ends[place], ends) < 0 do place = place + 1 end
  return place
end

-- Free the slot that would end at *ends*; return whether it had not ended already.
local function give_back(held, ends)
  local place = place_of(held, ends)
  if compare(ends, held.at) <= 0 or not held.ends[place] then return false end
  held.counts[place] = held.counts[place] - 1
  if held.counts[place] == 0 then
    table.remove(held.ends, place)
    table.remove(held.counts, place)
  end
  return true
end

local function crowd(held)
  local span, grain = over(less(held.ends[#held.ends], held.ends[1]), SLOT_CELLS), 1
  while compare(grain, span) <= 0 do grain = times(grain, 2) end
  local ends, counts = {}, {}
  for i, one in ipairs(held.ends) do
    local later = times(over(add(one, less(grain, 1)), grain), grain)
    if #ends > 0 and compare(ends[#ends], later) == 0 then
      counts[#counts] = counts[#counts] + held.counts[i]
    else
      ends[#ends + 1], counts[#counts + 1] = later, held.counts[i]
    end
  end
  held.ends, held.counts = ends, counts
end

-- Take a slot of *held*; return when it ends by itself, or nil where none is free.
local function occupy(held, take, owed)
  local taken = 0
  for _, count in ipairs(held.counts) do taken = taken + count end
  if taken >= take[5] and not owed then return nil end
  if take[3] == 0 then return held.at end
  local ends = add(held.at, read(take[4]))
  local place = place_of(held, ends)
  if held.ends[place] and compare(held.ends[place], ends) == 0 then
    held.counts[place] = held.counts[place] + 1
  else
    table.insert(held.ends, place, ends)
    table.insert(held.counts, place, 1)
    if #held.ends > SLOT_ENDS then crowd(held) end
  end
  return ends
end

-- --- taking -------------------------------------------------------------------------------------

local BUDGET, SLOT = 0, -1

-- The reservation by key, if it can be settled still, and until when.
local function reservation_of(place)
  local value = place > 0 and entry(KEYS[place], 'r').value
  local found, order = {}, {}
  if not value or compare(read(value[1]), now) <= 0 then return found, order, 0 end
  for i = 2, #value do
    order[i - 1] = value[i][1]
    found[value[i][1]] = value[i]
  end
  return found, order, read(value[1])
end

-- What was kept under the keys before; whether one asks for a period that is not now.
local function before_takes(op)
  local before, stale = {}, false
  for i, one in ipairs(op[4]) do
    local window = one[2]
    if window == BUDGET then
      one.past = compare(now, read(one[7])) < 0 or compare(now, read(one[8])) >= 0
      stale = stale or one.past
    end
    before[i] = raw_of(KEYS[one[1]], window == SLOT and 's' or 'b')
  end
  before[#before + 1] = op[2] > 0 and raw_of(KEYS[op[2]], 'r')
  return before, stale
end

-- Take one of a decision; return whether it fits, and the instant that corrections need.
local function take_one(one, key, made, mine, owed)
  if one[2] == SLOT then
    local held = made[key] or slots_of(key)
    if mine then give_back(held, read(mine[5])) end
    made[key] = held
    return occupy(held, one, owed)
  end
  local after = admit(made[key] or bucket_of(key), one, owed)
  made[key] = after
  return after and after.at
end

local function take(op)
  local place, takes, owed = op[2], op[4], op[1] == 'owe'
  local before, stale = before_takes(op)
  if stale and not owed then return 'STALE' end
  if op[1] == 'peek' then return before end
  local reserved, order, until_then = reservation_of(place)
  local ends, made, kinds, fresh = add(now, read(op[3])), {}, {}, {}
  for _, one in ipairs(takes) do
    local key = KEYS[one[1]]
    if not one.past then -- What was owed in a period that is over ended with it.
      local at = take_one(one, key, made, reserved[key], owed)
      if not at then return before end
      kinds[key] = one[2] == SLOT and keep_slots or keep_bucket
      if one[9] then
        local unit, estimate, step, coarse = unpack(one[9])
        fresh[#fresh + 1] = key
        if not reserved[key] then order[#order + 1] = key end
        reserved[key] = {
          key, one[2], one[6], one[4], written(at), unit, estimate, step, coarse,
        }
      end
    end
  end
  if place > 0 and #fresh > 0 then
    for _, key in ipairs(fresh) do
      local item = reserved[key]
      if item[2] == SLOT and compare(read(item[5]), ends) > 0 then ends = read(item[5]) end
    end
    if compare(until_then, ends) > 0 then ends = until_then end
    local value = {written(ends)}
    for _, key in ipairs(order) do value[#value + 1] = reserved[key] end
    put(KEYS[place], 'r', value, ends)
  end
  for key, keep in pairs(kinds) do keep(key, made[key], made[key].limit) end
  return before
end

-- --- settling -----------------------------------------------------------------------------------

-- What was taken too much (*down*) or too little, in steps of the level at *scale*.
local function difference(item, real)
  local window, scale, estimate, step, coarse = item[2], read(item[3]), read(item[7]), item[8], item[9]
  local amount = read(real[1])
  if coarse and real[2] then
    amount = read(real[2])
  elseif coarse then
    -- The real amount is no whole number of what was estimated: exactly, then.
    estimate, step, scale = times(estimate, 1e9), window, 1
  end
  local down = compare(amount, estimate) < 0
  local gap = down and less(estimate, amount) or less(amount, estimate)
  return down, times(gap, read(step)), scale
end

local function refund(moved, since, change)
  local lows, lowest = moved.lows, 0
  for i = 1, #lows, 2 do
    if compare(lows[i], since) > 0 then break end
    lowest = lows[i + 1]
  end
  for _, most in ipairs({moved.level, lowest}) do
    if compare(change, most) > 0 then change = most end
  end
  local refunded = {}
  local rest = less(lowest, change)
  for i = 1, #lows, 2 do
    local low = lows[i + 1]
    if compare(lows[i], since) > 0 then
      low = less(low, change)
    elseif compare(low, rest) > 0 then
      low = rest
    end
    refunded[i], refunded[i + 1] = lows[i], low
  end
  moved.lows, moved.level = refunded, less(moved.level, change)
end

local function correct(item, real)
  local key, window, limit, since = item[1], read(item[2]), read(item[4]), read(item[5])
  if window == SLOT then
    local held = slots_of(key)
    if give_back(held, since) then keep_slots(key, held) end
    return
  end
  local bucket = bucket_of(key)
  local down, change, scale = difference(item, real)
  if window == 0 then
    if not bucket or compare(bucket.at, since) ~= 0 then return end
    local level = down and less(bucket.level, change) or add(bucket.level, change)
    local at, closes = bucket.at, bucket.closes
    local after = {at = at, level = level, window = 0, scale = 1, closes = closes, lows = {}}
    return keep_bucket(key, after)
  end
  if scale == 1 then limit = times(limit, read(item[3])) end
  local moved, factor = drain(bucket, window, scale, limit)
  change, limit = times(change, factor), times(limit, factor)
  if down then
    refund(moved, since, change)
  else
    local level = add(moved.level, change)
    if change ~= 0 and #moved.lows > 0 then
      moved.lows = lower(moved.lows, moved.at, moved.level, level)
    end
    moved.level = level
  end
  keep_bucket(key, moved, limit)
end

local function settle(op)
  local place, amounts = KEYS[op[2]], op[3]
  local reserved = entry(place, 'r').value
  if not reserved then return 0 end
  local late = compare(read(reserved[1]), now) <= 0
  for i = 2, #reserved do entry(reserved[i][1], reserved[i][2] == SLOT and 's' or 'b') end
  put(place, 'r', nil, now)
  if late then return 0 end
  for i = 2, #reserved do
    local item = reserved[i]
    local real = amounts[item[6]]
    if not real then
      local same = item[7]
      real = item[9] and {written(times(read(same), 1e9)), same} or {same, false}
    end
    correct(item, real)
  end
  return 1
end
