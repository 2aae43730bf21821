-- Taking from buckets and slots together: engine/runtime/taking.py.

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

-- Free the slot that would end at *ends*, unless it has ended already.
local function give_back(held, ends)
  local place = place_of(held, ends)
  if compare(ends, held.at) <= 0 or not held.ends[place] then return end
  held.counts[place] = held.counts[place] - 1
  if held.counts[place] == 0 then
    table.remove(held.ends, place)
    table.remove(held.counts, place)
  end
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
  local after, limit = admit(made[key] or bucket_of(key), one, owed)
  made[key] = after
  return after and after[1], limit
end

local function take(op)
  local place, takes, owed = op[2], op[4], op[1] == 'owe'
  local before, stale = before_takes(op)
  if stale and not owed then return 'STALE' end
  if op[1] == 'peek' then return before end
  local reserved, order, until_then = reservation_of(place)
  local ends, made, limits, fresh = add(now, read(op[3])), {}, {}, {}
  for _, one in ipairs(takes) do
    local key = KEYS[one[1]]
    if not one.past then -- What was owed in a period that is over ended with it.
      local at, limit = take_one(one, key, made, reserved[key], owed)
      if not at then return before end
      limits[key] = limit or 0
      if one[9] then
        local unit, estimate, step, coarse, payer = unpack(one[9])
        fresh[#fresh + 1] = key
        if not reserved[key] then order[#order + 1] = key end
        reserved[key] = {
          key, one[2], one[6], one[4], written(at), unit, estimate, step, coarse, payer,
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
  for key, limit in pairs(limits) do
    if made[key].ends then keep_slots(key, made[key]) else keep_bucket(key, made[key], limit) end
  end
  return before
end

METHODS.take, METHODS.peek, METHODS.owe = take, take, take
