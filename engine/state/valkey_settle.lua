-- Correcting what was taken on an estimate: engine/runtime/throttle.py.

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
  local lows, lowest = moved[6] or {}, 0
  for i = 1, #lows, 2 do
    if compare(lows[i], since) > 0 then break end
    lowest = lows[i + 1]
  end
  if compare(change, moved[2]) > 0 then change = moved[2] end
  if compare(change, lowest) > 0 then change = lowest end
  local refunded, rest = {}, less(lowest, change)
  for i = 1, #lows, 2 do
    local low = lows[i + 1]
    if compare(lows[i], since) > 0 then
      low = less(low, change)
    elseif compare(low, rest) > 0 then
      low = rest
    end
    refunded[i], refunded[i + 1] = lows[i], low
  end
  moved[6], moved[2] = refunded, less(moved[2], change)
end

local function correct(item, real)
  local key, window, limit, since = item[1], read(item[2]), read(item[4]), read(item[5])
  if window == SLOT then
    if not entry(key, 's').value then return end
    local held = slots_of(key)
    give_back(held, since)
    return keep_slots(key, held)
  end
  local bucket = bucket_of(key)
  local down, change, scale = difference(item, real)
  if window == BUDGET then
    if not bucket or compare(bucket[1], since) ~= 0 then return end
    local level = down and less(bucket[2], change) or add(bucket[2], change)
    return keep_bucket(key, {bucket[1], level, 0, 1, bucket[5]})
  end
  if scale == 1 then limit = times(limit, read(item[3])) end
  local moved, factor = drain(bucket, window, scale, limit)
  change, limit = times(change, factor), times(limit, factor)
  if down then
    refund(moved, since, change)
  else
    local level, lows = add(moved[2], change), moved[6]
    if change ~= 0 and lows and #lows > 0 then moved[6] = lower(lows, moved[1], moved[2], level) end
    moved[2] = level
  end
  keep_bucket(key, moved, limit)
end

function METHODS.settle(op)
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
  -- Who pays; an engine that did not write it down yet may have made the reservation.
  return {reserved[2] and reserved[2][10] or ''}
end

-- Keep what was taken elsewhere, out of a slice that was taken here before, so that it can be
-- settled: [key, window, step, limit, capacity, scale, opens, closes, correction, at] for each.
function METHODS.reserve(op)
  local place, ends = op[2], add(now, read(op[3]))
  local reserved, order, until_then = reservation_of(place)
  for _, one in ipairs(op[4]) do
    local key = KEYS[one[1]]
    local unit, estimate, step, coarse, payer = unpack(one[9])
    if not reserved[key] then order[#order + 1] = key end
    reserved[key] = {key, one[2], one[6], one[4], one[10], unit, estimate, step, coarse, payer}
  end
  if compare(until_then, ends) > 0 then ends = until_then end
  local value = {written(ends)}
  for _, key in ipairs(order) do value[#value + 1] = reserved[key] end
  put(KEYS[place], 'r', value, ends)
  return 1
end
