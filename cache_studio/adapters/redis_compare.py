"""Remove keys only while they hold what was seen: by a script, or by WATCH where scripts are not allowed."""

import time
from collections.abc import Sequence

from redis.exceptions import NoScriptError

from cache_studio.adapters.redis_calls import Calls, Exchange, unavailable
from cache_studio.adapters.redis_link import Script

TOLERANCE_MS = 1000
"""How far two looks at one expiry may lie apart: each was told as what is left, and took its time to arrive."""
_NEVER = -1
_REMOVE = Script(
    """
if redis.pcall('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if ARGV[2] ~= '' then
  local left, wanted = redis.call('PTTL', KEYS[1]), tonumber(ARGV[2])
  if left ~= wanted and (wanted == -1 or left == -1 or math.abs(left - wanted) > tonumber(ARGV[3])) then return 0 end
end
redis.call('UNLINK', unpack(KEYS))
return 1
"""
)


def remove_value(calls: Calls, keys: Sequence[bytes], value: bytes) -> bool:
    """Remove all of these keys if the first holds this value; whether it did. CacheUnavailable as `Calls` has it."""
    return _remove(calls, keys, value, None)


def remove_seen(calls: Calls, keys: Sequence[bytes], value: bytes, expires: float | None) -> bool:
    """The same, if it also expires when it did then (epoch seconds, None is never)."""
    # What is past by our clock is about to expire on the server; it is not "never".
    left = _NEVER if expires is None else max(0, round((expires - time.time()) * 1000))
    return _remove(calls, keys, value, left)


def _remove(calls: Calls, keys: Sequence[bytes], value: bytes, left: int | None) -> bool:
    compared, others = calls.apart(keys)
    removed = _remove_compared(calls, compared, value, left)
    if removed and others:
        calls.exchange([("UNLINK", key) for key in others])
    return removed


def _remove_compared(calls: Calls, keys: Sequence[bytes], value: bytes, left: int | None) -> bool:
    arguments = (value, "" if left is None else left, TOLERANCE_MS)
    answer = calls.exchange([_REMOVE.by_name(keys, arguments)])[0]
    if isinstance(answer, NoScriptError):
        answer = calls.exchange([_REMOVE.in_full(keys, arguments)])[0]
    if not isinstance(answer, Exception):
        return bool(answer)
    with calls.line(keys[0]) as exchange:
        return _remove_watched(calls, exchange, keys, value, left)


def _remove_watched(calls: Calls, exchange: Exchange, keys: Sequence[bytes], value: bytes, left: int | None) -> bool:
    watching, found, told = exchange([("WATCH", *keys), ("GET", keys[0]), ("PTTL", keys[0])])
    if isinstance(watching, Exception):
        raise unavailable(watching, calls.place) from watching
    if found != value or not (left is None or _near(told, left)):
        exchange([("UNWATCH",)])
        return False
    done = exchange([("MULTI",), ("UNLINK", *keys), ("EXEC",)])[-1]
    if isinstance(done, Exception):
        raise unavailable(done, calls.place) from done
    return done is not None


def _near(told: object, wanted: int) -> bool:
    if not isinstance(told, int):
        return False
    return told == wanted or (_NEVER not in (told, wanted) and abs(told - wanted) <= TOLERANCE_MS)
