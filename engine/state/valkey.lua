-- The call itself.

function METHODS.look(op)
  local found = {}
  for i = 3, #op do found[i - 2] = raw_of(KEYS[op[i]], op[2]) end
  return found
end

local answers = {written(now)}
for i, op in ipairs(request[4]) do
  local done, answer = pcall(METHODS[op[1]], op)
  if not done and not string.find(tostring(answer), 'FOREIGN', 1, true) then error(answer) end
  answers[i + 1] = done and answer or 'FOREIGN'
end
for _, key in ipairs(changes) do
  local found = entries[key]
  if found.value then
    redis.call('SET', key, raw_of(key, found.kind), 'PX', string.format('%d', found.life))
  else
    redis.call('DEL', key)
  end
end
for _, finish in ipairs(FINISH) do finish() end
return answers
