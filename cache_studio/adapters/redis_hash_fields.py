"""Fields of one hash as entries: described, read, removed and restored in the server, for values are not sent whole."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import cast

import msgpack

from cache_studio.adapters.redis_errors import explain
from cache_studio.adapters.redis_link import Link, Script
from cache_studio.adapters.redis_listing import NEVER, NOT_TOLD
from cache_studio.adapters.redis_typed_removal import LATE
from cache_studio.adapters.stored_responses import END
from cache_studio.model.errors import CacheUnavailable
from cache_studio.model.seeing import Fate, Restoration, Return

FIELDS_AT_ONCE = 20
COMPARE_BYTES = 8 << 20
"""Longer values are compared by length and ends."""
SEEN_BYTES = 64 << 10
"""Longer values are told from what was listed by length and ends."""
_PAGE_BYTES = 2 << 20
_PAGE_FIELDS = 100
_PROOF = f"""
local function proof(value, whole)
  if #value <= whole then return redis.sha1hex(value) end
  return redis.sha1hex(#value .. ':' .. value:sub(1, {END}) .. value:sub(-{END}))
end
"""
_DESCRIBE = (
    _PROOF
    + f"""
local fields, sizes, proofs, heads, tails, held = {{}}, {{}}, {{}}, {{}}, {{}}, 0
local function describe(field, value)
  local at = #fields + 1
  fields[at], sizes[at], proofs[at], held = field, #value, proof(value, {SEEN_BYTES}), held + #value
  heads[at], tails[at] = value:sub(1, shown), shown > 0 and #value > shown and value:sub(-shown) or ''
end
local function told(cursor)
  return cmsgpack.pack({{cursor, fields, sizes, proofs, expiries(fields), heads, tails}})
end
"""
)
_EXPIRIES_KEPT = """
local function expiries(fields)
  if #fields == 0 then return {} end
  return redis.call('HPEXPIRETIME', KEYS[1], 'FIELDS', #fields, unpack(fields))
end
"""
_NO_EXPIRIES = f"""
local function expiries(fields)
  local found = {{}}
  for at = 1, #fields do found[at] = {NOT_TOLD} end
  return found
end
"""
# A hash of many values in one reply would hold the server: the page ends with its bytes.
_PAGE = (
    _DESCRIBE
    + f"""
local cursor = ARGV[1]
repeat
  local page = redis.call('HSCAN', KEYS[1], cursor, 'COUNT', 10)
  cursor = page[1]
  for i = 1, #page[2], 2 do describe(page[2][i], page[2][i + 1]) end
until cursor == '0' or #fields >= {_PAGE_FIELDS} or held >= {_PAGE_BYTES}
return told(cursor)
"""
)
_GIVEN = (
    _DESCRIBE
    + """
for _, field in ipairs(ARGV) do
  local value = redis.call('HGET', KEYS[1], field)
  if value then describe(field, value) end
end
return told('0')
"""
)
_READ = Script(
    """
local value = redis.call('HGET', KEYS[1], ARGV[1])
if not value then return {-1, ''} end
return {#value, value:sub(1, tonumber(ARGV[2]))}
"""
)
_REMOVE = Script(
    _PROOF
    + """
local value = redis.call('HGET', KEYS[1], ARGV[1])
if not value then return -1 end
if proof(value, tonumber(ARGV[2])) ~= ARGV[3] then return 0 end
return redis.call('HDEL', KEYS[1], ARGV[1])
"""
)
# The last field takes the hash with it, and the TTL of the whole hash: what comes back alone brings that, too.
_RESTORE = Script(
    """
local key, field, ends, whole_ends = KEYS[1], ARGV[1], tonumber(ARGV[3]), tonumber(ARGV[4])
local value = redis.call('HGET', key, field)
if value then return value == ARGV[2] and 1 or 0 end
local alone, time = redis.call('EXISTS', key) == 0, redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if (ends >= 0 and ends <= now) or (alone and whole_ends >= 0 and whole_ends <= now) then return -1 end
redis.call('HSET', key, field, ARGV[2])
local kept = ends >= 0 and redis.pcall('HPEXPIREAT', key, ARGV[3], 'FIELDS', 1, field)
if kept and kept.err then
  redis.call('HDEL', key, field)
  return kept
end
if alone and whole_ends >= 0 then redis.call('PEXPIREAT', key, ARGV[4]) end
return 1
"""
)
_HOLDS = Script(
    _PROOF
    + f"""
local value = redis.call('HGET', KEYS[1], ARGV[1])
return value and proof(value, {COMPARE_BYTES}) == ARGV[2] and 1 or 0
"""
)


@dataclass(frozen=True, slots=True)
class Described:
    """A field as the server tells of it, without its value."""

    field: bytes
    size: int
    proof: bytes
    """Tells this value from others: a hash of all of it, of a long one of its length and ends."""
    expiry: int
    """Epoch milliseconds, NEVER, or NOT_TOLD."""
    head: bytes
    """As many bytes of its beginning as were asked for."""
    tail: bytes
    """As many of its end; empty where the head is all."""


def proof_of(value: bytes) -> str:
    """What the server answers for the same content."""
    if len(value) > COMPARE_BYTES:
        value = b"%d:" % len(value) + value[:END] + value[-END:]
    return hashlib.sha1(value, usedforsecurity=False).hexdigest()


class Fields:
    """The fields of one hash over one link."""

    def __init__(self, link: Link, name: bytes, shown: int = 0) -> None:
        """`shown`: how many bytes of both ends of each value are asked for."""
        self._link = link
        self.name = name
        begin = f"local shown = {shown}\n" + (_EXPIRIES_KEPT if link.rights.may("HPEXPIRETIME") else _NO_EXPIRIES)
        self._page, self._given = Script(begin + _PAGE), Script(begin + _GIVEN)

    def pages(self) -> Iterator[list[Described]]:
        """All fields, page by page; a field may come twice."""
        cursor = b"0"
        while True:
            with self._link.call():
                cursor, page = self._described(self._page, [cursor])
            yield page
            if cursor == b"0":
                return

    def describe(self, fields: Sequence[bytes]) -> dict[bytes, Described]:
        """Those of these fields that are there."""
        found: dict[bytes, Described] = {}
        for start in range(0, len(fields), FIELDS_AT_ONCE):
            _cursor, page = self._described(self._given, fields[start : start + FIELDS_AT_ONCE])
            found |= {one.field: one for one in page}
        return found

    def read(self, field: bytes, most: int) -> tuple[int, bytes]:
        """Length and beginning of a value; the length is -1 where it is gone."""
        length, value = cast(tuple[int, bytes], self._run(_READ, [(field, most)])[0])
        return length, value

    def remove_seen(self, seen: Described) -> Fate | str:
        """Remove a field that still is as it was described."""
        return self._remove(seen.field, SEEN_BYTES, seen.proof)

    def remove_equal(self, field: bytes, value: bytes) -> Fate | str:
        """Remove a field that still has this value."""
        return self._remove(field, COMPARE_BYTES, proof_of(value))

    def _remove(self, field: bytes, whole: int, proof: str | bytes) -> Fate | str:
        answer = self._link.run_script(_REMOVE, [((self.name,), (field, whole, proof))])[0]
        if isinstance(answer, Exception):
            return explain(answer, self._link.place).message
        return {-1: Fate.GONE, 0: Fate.CHANGED}.get(cast(int, answer), Fate.REMOVED)

    def restore(self, field: bytes, value: bytes, expiry: int = NEVER, whole_expiry: int = NEVER) -> Restoration:
        """Bring a value back where the field is free, or holds it already, with the moment at which it ends.

        `whole_expiry` is that of the hash, set where the field is its first. What would end at once stays where it is.
        """
        arguments = (field, value, expiry, whole_expiry)
        answer = self._link.run_script(_RESTORE, [((self.name,), arguments)])[0]
        if isinstance(answer, Exception):
            return Restoration(Return.FAILED, explain(answer, self._link.place).message)
        if answer == -1:
            return Restoration(Return.FAILED, LATE)
        return Restoration(Return.RESTORED if answer == 1 else Return.NEWER_KEPT)

    def holds(self, field: bytes, value: bytes) -> bool:
        """Whether the field has this value."""
        return self._run(_HOLDS, [(field, proof_of(value))])[0] == 1

    def _described(self, script: Script, arguments: Sequence[bytes]) -> tuple[bytes, list[Described]]:
        packed = cast(bytes, self._run(script, [arguments])[0])
        cursor, *columns = msgpack.unpackb(packed, raw=True)
        return cursor, [Described(*row) for row in zip(*columns, strict=True)]

    def _run(self, script: Script, calls: Sequence[Sequence[object]]) -> list[object]:
        answers = self._link.run_script(script, [((self.name,), arguments) for arguments in calls])
        for answer in answers:
            if isinstance(answer, Exception):
                if "WRONGTYPE" in str(answer):
                    raise CacheUnavailable("This key is no hash.", "Look at it with the format redis.")
                raise explain(answer, self._link.place) from answer
        return answers
