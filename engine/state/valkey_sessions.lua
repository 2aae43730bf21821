-- Everything else that sessions and meters remember.

function METHODS.record(op)
  local key, length = KEYS[op[2]], read(op[3])
  local newest = over(now, length)
  local meter = entry(key, 'm').value
  local counts, passed = {1}, SLOTS
  if meter then
    local last = read(meter[1])
    passed = math.min(about(less(newest, last)), SLOTS)
    if passed == 0 then
      newest = last
      counts[1] = math.min(meter[2] + 1, 4294967295)
    end
  end
  for i = 2, SLOTS do
    local before = i - passed
    counts[i] = meter and before > 0 and meter[before + 1] or 0
  end
  table.insert(counts, 1, written(newest))
  put(key, 'm', counts, times(add(newest, SLOTS), length))
  return 1
end

function METHODS.label(op)
  local key, name, life = KEYS[op[2]], op[3], op[4]
  local ends = add(now, life and read(life) or session)
  local found, last = {}, ends
  for other, stays in pairs(entry(key, 'l').value or {}) do
    found[other] = stays
    if compare(read(stays), last) > 0 then last = read(stays) end
  end
  local before = found[name] and read(found[name]) or 0
  found[name] = written(compare(before, ends) > 0 and before or ends)
  put(key, 'l', found, last)
  return 1
end

function METHODS.remember(op)
  local ends, early = add(now, session), less(add(now, session), read(op[3]))
  for _, pair in ipairs(op[2]) do entry(KEYS[pair[1]], 'p') end
  for _, pair in ipairs(op[2]) do
    local key, sealed = KEYS[pair[1]], pair[2]
    local known = entry(key, 'p').value
    local same = not known or known[2] == sealed
    local stays = known and read(known[1]) or 0
    if not same or compare(stays, early) < 0 then
      local kept = (same or compare(stays, now) <= 0) and sealed or ''
      put(key, 'p', {written(ends), kept}, ends)
    end
  end
  return 1
end

function METHODS.advance(op)
  local key = KEYS[op[2]]
  local turns, count = entry(key, 't').value, 0
  if turns and compare(read(turns[1]), now) > 0 then count = turns[2] end
  local ends = add(now, session)
  put(key, 't', {written(ends), count + 1}, ends)
  return 1
end

-- --- fingerprints -------------------------------------------------------------------------------

-- A set as it is and as it will be: what is added or cleared is done at the end.
local sets = {}

local function set_of(index, number)
  local key = index .. ':' .. number
  if not sets[key] then
    local size = redis.pcall('SCARD', key)
    if type(size) == 'table' then error('FOREIGN') end
    sets[key] = {key = key, size = size, added = {}, order = {}}
  end
  return sets[key]
end

local function clear(set)
  set.cleared, set.size, set.added, set.order, set.life = true, 0, {}, {}, nil
end

-- Which of *prints* are in *set*: true or false for each.
local function members(set, prints)
  local found = {}
  for first = 1, #prints, CHUNK do
    local last = math.min(first + CHUNK - 1, #prints)
    local there = {}
    if not set.cleared and set.size > 0 then
      there = redis.call('SMISMEMBER', set.key, unpack(prints, first, last))
    end
    for i = first, last do
      found[i] = there[i - first + 1] == 1 or set.added[prints[i]] or false
    end
  end
  return found
end

function METHODS.note(op)
  local key, source, prints = KEYS[op[2]], op[3], op[4]
  local index, numbers = {}, {}
  for name, one in pairs(entry(key, 'n').value or {}) do
    numbers[one[3]] = true
    if compare(read(one[1]), now) > 0 then
      index[name] = one
    else
      clear(set_of(key, one[3]))
    end
  end
  local number = 1
  while numbers[number] do number = number + 1 end
  local mine = index[source] or {written(now), false, number}
  local set = set_of(key, mine[3])
  if not index[source] then clear(set) end
  local there, new = members(set, prints), {}
  for i, one in ipairs(prints) do
    if not there[i] then new[#new + 1] = one end
  end
  local before, ends = read(mine[1]), add(now, session)
  if op[5] then
    ends = add(now, read(op[5]))
    if compare(before, ends) > 0 then ends = before end
  elseif compare(before, less(ends, read(op[6]))) >= 0 then
    ends = before
  end
  local full = set.size + #new > PRINTS
  if not full then
    for _, one in ipairs(new) do
      set.added[one] = true
      set.order[#set.order + 1] = one
    end
    set.size = set.size + #new
  end
  set.life = lasting(ends)
  index[source] = {written(ends), mine[2] or full, mine[3]}
  local last = ends
  for _, one in pairs(index) do
    if compare(read(one[1]), last) > 0 then last = read(one[1]) end
  end
  put(key, 'n', index, last)
  return 1
end

function METHODS.noted(op)
  local key, prints, answer = KEYS[op[2]], op[3], {}
  for name, one in pairs(entry(key, 'n').value or {}) do
    if compare(read(one[1]), now) > 0 then
      local seen = {}
      for i, there in ipairs(members(set_of(key, one[3]), prints)) do
        if there then seen[#seen + 1] = i - 1 end
      end
      answer[#answer + 1] = {name, one[2] and 1 or 0, seen}
    end
  end
  return answer
end

FINISH[1] = function()
  for key, set in pairs(sets) do
    if set.cleared then redis.call('UNLINK', key) end
    for first = 1, #set.order, CHUNK do
      redis.call('SADD', key, unpack(set.order, first, math.min(first + CHUNK - 1, #set.order)))
    end
    if set.life then redis.call('PEXPIRE', key, string.format('%d', set.life)) end
  end
end
