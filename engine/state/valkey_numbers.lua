-- Whole numbers of any size from 0 on, in a language whose numbers are doubles.
--
-- Below 9e15 (which is below 2^53) a number is a plain Lua number, and every operation on plain
-- numbers with a plain result is exact and costs one comparison more than the bare one. From there
-- on it is a table of digits to the base 1e7, the lowest first: products of two digits, and sums of
-- them, stay exact. Invariant: a value has one form only, so that a table is larger than a number.

local PLAIN = 9e15
local BASE = 1e7

local function limbs(x)
  if type(x) == 'table' then return x end
  local low = x % BASE
  local rest = (x - low) / BASE
  local middle = rest % BASE
  return {low, middle, (rest - middle) / BASE}
end

local function whole(digits)
  local n = #digits
  while n > 0 and digits[n] == 0 do
    digits[n] = nil
    n = n - 1
  end
  if n < 3 or (n == 3 and digits[3] < 90) then
    return (digits[1] or 0) + (digits[2] or 0) * BASE + (digits[3] or 0) * 1e14
  end
  return digits
end

-- Negative, 0 or positive as a is less than, equal to or more than b.
local function compare(a, b)
  local left, right = type(a) == 'number', type(b) == 'number'
  if left and right then return a - b end
  if left then return -1 end
  if right then return 1 end
  if #a ~= #b then return #a - #b end
  for i = #a, 1, -1 do
    if a[i] ~= b[i] then return a[i] - b[i] end
  end
  return 0
end

local function add(a, b)
  if type(a) == 'number' and type(b) == 'number' then
    local sum = a + b
    if sum < PLAIN then return sum end
  end
  a, b = limbs(a), limbs(b)
  local sum, carry = {}, 0
  for i = 1, math.max(#a, #b) do
    local digit = (a[i] or 0) + (b[i] or 0) + carry
    carry = digit >= BASE and 1 or 0
    sum[i] = digit - carry * BASE
  end
  sum[#sum + 1] = carry
  return whole(sum)
end

-- a - b, or 0 where b is more.
local function less(a, b)
  if type(a) == 'number' and type(b) == 'number' then return a > b and a - b or 0 end
  if compare(a, b) <= 0 then return 0 end
  a, b = limbs(a), limbs(b)
  local rest, borrow = {}, 0
  for i = 1, #a do
    local digit = a[i] - (b[i] or 0) - borrow
    borrow = digit < 0 and 1 or 0
    rest[i] = digit + borrow * BASE
  end
  return whole(rest)
end

local function times(a, b)
  if type(a) == 'number' and type(b) == 'number' then
    local product = a * b
    if product < PLAIN then return product end
  end
  a, b = limbs(a), limbs(b)
  local product = {}
  for i = 1, #a + #b do product[i] = 0 end
  for i = 1, #a do
    local carry = 0
    for j = 1, #b do
      local digit = product[i + j - 1] + a[i] * b[j] + carry
      local low = digit % BASE
      product[i + j - 1] = low
      carry = (digit - low) / BASE
    end
    product[i + #b] = carry
  end
  return whole(product)
end

-- a / b, rounded down. The double that is near a / b is taken away again and again: each time
-- leaves at most a millionth of what was there. Too much is never taken: the factor errs downwards.
local function over(a, b)
  if type(a) == 'number' and type(b) == 'number' then return (a - math.fmod(a, b)) / b end
  local quotient = 0
  while compare(a, b) >= 0 do
    local high, low = limbs(a), limbs(b)
    local n, m = #high, #low
    while m > 1 and low[m] == 0 do m = m - 1 end
    while n > 1 and high[n] == 0 do n = n - 1 end
    local above = high[n] * 1e14 + (high[n - 1] or 0) * BASE + (high[n - 2] or 0)
    local below = low[m] * 1e14 + (low[m - 1] or 0) * BASE + (low[m - 2] or 0) + 1
    local shift = n - m
    local factor = math.floor(above / below * (1 - 1e-12))
    if factor == 0 and shift > 0 then
      shift = shift - 1
      factor = math.floor(above / below * BASE * (1 - 1e-12))
    end
    factor = math.max(factor, 1)
    local step = {}
    for i = 1, shift do step[i] = 0 end
    for _, digit in ipairs(limbs(factor)) do step[#step + 1] = digit end
    step = whole(step)
    quotient = add(quotient, step)
    a = less(a, times(step, b))
  end
  return quotient
end

-- A number for sizes alone: right to a part in 1e15.
local function about(x)
  if type(x) == 'number' then return x end
  local sum = 0
  for i = #x, 1, -1 do sum = sum * BASE + x[i] end
  return sum
end

-- What is written and sent: a plain number, or the digits of another as a string.
local function written(x)
  if type(x) == 'number' then return x end
  local parts = {string.format('%.0f', x[#x])}
  for i = #x - 1, 1, -1 do parts[#parts + 1] = string.format('%07.0f', x[i]) end
  return table.concat(parts)
end

local function read(x)
  if type(x) == 'number' then return x end
  local digits = {}
  for last = #x, 1, -7 do
    digits[#digits + 1] = tonumber(string.sub(x, math.max(1, last - 6), last))
  end
  return whole(digits)
end
