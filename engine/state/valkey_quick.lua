-- Nearly every call: one take without a reservation, of buckets that flow back, of plain numbers
-- alone, each of them once, with neither lows nor another window or scale kept. It does what the
-- rest of the script does, in half of the time: a server makes the functions of a script anew for
-- every call, and what returns before them needs none. Who asks says when it may be tried (op[5]).
do
  local request = cmsgpack.unpack(ARGV[1])
  local op = request[4][1]
  if op and op[5] == true then
    local time = redis.call('TIME')
    local now = time[1] * 1e6 + time[2]
    local before, after, lives, refused, can = {}, {}, {}, false, true
    for i, one in ipairs(op[4]) do
      local _, window, step, limit, capacity, scale = unpack(one, 1, 6)
      local at, level = now, 0
      local raw = redis.pcall('GET', KEYS[one[1]])
      before[i] = raw
      if raw then
        can = type(raw) == 'string' and string.sub(raw, 1, 5) == '\0pe1b'
        local good, value = pcall(cmsgpack.unpack, can and string.sub(raw, 6))
        can = can and good and not value[6] and value[3] == window and value[4] == scale
        can = can and type(value[1]) == 'number' and type(value[2]) == 'number'
        if not can then break end
        at, level = value[1], value[2]
      end
      if at < now then
        -- Where this is not exact it is far more than any level.
        level = math.max(0, level - (now - at) * limit)
        at = now
      end
      level = level + step
      refused = refused or level > capacity or (step == 0 and level == capacity)
      after[i] = '\0pe1b' .. cmsgpack.pack({at, level, window, scale, 0})
      local ticks = limit ~= 0 and level / limit * (1 + 1e-9) or 3.15e15
      lives[i] = math.min(math.ceil((at - now + ticks) / request[2]) + 1, 3.15e12)
    end
    if can then
      for i = 1, refused and 0 or #after do
        redis.call('SET', KEYS[op[4][i][1]], after[i], 'PX', string.format('%d', lives[i]))
      end
      before[#before + 1] = false
      return {now, before}
    end
  end
end
