"""The scripts that compare in the server before they remove, restore or set an expiry.

`redis_listing` gives `expiry` and the clock.

ARGV of each: tolerance of expiries in ms, bytes above which values are compared by their ends, how to
compare ("seen": type and memory; "equal": content), then the columns of each key.
"""

COMPARING = """
local tolerance, large, how = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3]
local function close(told, seen)
  return told == seen or (told >= 0 and seen >= 0 and math.abs(told - seen) <= tolerance)
end
local function near(key, seen) return close(expiry(key), seen) end
local function proof(key)
  local size = redis.pcall('MEMORY', 'USAGE', key, 'SAMPLES', 5)
  if not size then return '' end
  if type(size) ~= 'number' then size = -1 end
  if how == 'equal' and size <= large then
    local dump = redis.call('DUMP', key)
    return dump and redis.sha1hex(dump) or ''
  end
  local kind = redis.call('TYPE', key).ok
  if kind == 'none' then return '' end
  if how == 'seen' or kind ~= 'string' then return kind .. ':' .. size end
  return redis.sha1hex(size .. ':' .. redis.call('STRLEN', key) .. redis.call('GETRANGE', key, 0, 65535)
    .. redis.call('GETRANGE', key, -65536, -1))
end
"""

TELL = (
    COMPARING
    + """
local told = {}
for _, key in ipairs(KEYS) do
  told[#told + 1] = proof(key)
  told[#told + 1] = expiry(key)
end
return told
"""
)
"""Proof and expiry of each key."""

REMOVE = (
    COMPARING
    + """
local told = cmsgpack.unpack(ARGV[4])
local function removed(first, last, at)
  for i = first, last do
    local seen = told[at]
    if proof(KEYS[i]) ~= seen or (seen ~= '' and not near(KEYS[i], told[at + 1])) then
      return redis.call('EXISTS', unpack(KEYS, first, last)) == 0 and -1 or 0
    end
    at = at + 2
  end
  local count = redis.call('UNLINK', unpack(KEYS, first, last))
  return count > 0 and count or -1
end
local answers, first, at, failed = {}, 1, 1, false
while first <= #KEYS do
  local last = first + told[at] - 1
  local done, answer = pcall(removed, first, last, at + 1)
  if not done then
    failed = true
    if type(answer) ~= 'table' then answer = redis.error_reply(tostring(answer)) end
  end
  answers[#answers + 1] = answer
  at, first = at + 1 + 2 * (last - first + 1), last + 1
end
return failed and answers or cmsgpack.pack(answers)
"""
)
"""One packed argument: per entry how many keys, and per key: proof, expiry. Answers for each entry how many keys were
removed, 0 when one changed, -1 when all are gone, or the error of one alone; packed where there is no error."""

COPY = (
    COMPARING
    + """
local told, dumps, expiries, accessed = cmsgpack.unpack(ARGV[4]), {}, {}, {}
for i = 1, #told / 3 do
  local name, seen, moment = told[3 * i - 2], told[3 * i - 1], told[3 * i]
  local now = seen == '' and '' or proof(name)
  expiries[i], accessed[i] = expiry(name), -1
  if now ~= seen then
    dumps[i] = now == '' and '' or 0
  elseif seen ~= '' and not close(expiries[i], moment) then
    dumps[i] = 0
  else
    accessed[i] = last_use(name)
    dumps[i] = redis.call('DUMP', name) or ''
  end
end
return cmsgpack.pack({dumps, expiries, accessed})
"""
)
"""One packed argument, per key: name, what was seen of it ("" where that does not matter), expiry. Answers, packed, the
dumps ("" for a key that is gone, 0 for one that changed), expiries and times of last use (-1 where not known)."""

EXPIRE = (
    COMPARING
    + """
if redis.call('EXISTS', unpack(KEYS)) == 0 then return -1 end
for i, key in ipairs(KEYS) do
  local seen = ARGV[3 + 2 * i]
  if proof(key) ~= seen or (seen ~= '' and not near(key, tonumber(ARGV[4 + 2 * i]))) then return 0 end
end
for _, key in ipairs(KEYS) do
  if ARGV[4] == '-1' then redis.call('PERSIST', key) else redis.call('PEXPIREAT', key, ARGV[4]) end
end
return 1
"""
)
"""The moment (epoch ms, -1 for never), then per key: proof, expiry. Answers 1, 0 when one changed, -1 when gone."""

RESTORE = (
    COMPARING
    + """
if redis.call('EXISTS', unpack(KEYS)) > 0 then
  for i, key in ipairs(KEYS) do
    if proof(key) ~= ARGV[4 * i] or not near(key, tonumber(ARGV[1 + 4 * i])) then return 'newer' end
  end
  return 'restored'
end
for i, key in ipairs(KEYS) do
  local moment = ARGV[1 + 4 * i]
  local words = {'RESTORE', key, moment == '-1' and '0' or moment, ARGV[3 + 4 * i], 'ABSTTL'}
  local idle = idle_since(tonumber(ARGV[2 + 4 * i]))
  if idle then words[6], words[7] = 'IDLETIME', idle end
  local answer = redis.pcall(unpack(words))
  if answer.err then
    for j = 1, i - 1 do redis.call('UNLINK', KEYS[j]) end
    return answer.err
  end
end
if redis.call('EXISTS', KEYS[1]) == 0 then return 'late' end
return 'restored'
"""
)
"""Per key: proof, expiry, last use (or -1), dump. Answers restored, newer, late (expired meanwhile) or an error."""
