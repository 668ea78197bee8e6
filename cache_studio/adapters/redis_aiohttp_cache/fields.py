"""Fields of one hash as entries: described, read, removed and restored in the server, for values are not sent whole."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import cast

import msgpack

from cache_studio.adapters.redis_errors import explain
from cache_studio.adapters.redis_link import Link, Script
from cache_studio.adapters.stored_responses import END
from cache_studio.model.errors import CacheUnavailable
from cache_studio.model.seeing import Fate, Restoration, Return

FIELDS_AT_ONCE = 20
COMPARE_BYTES = 8 << 20
"""Longer values are compared by length and ends."""
_PAGE_BYTES = 2 << 20
_PAGE_FIELDS = 100
_ENDS = f"""
local function ends(value) return value:sub(1, {END}), #value > {END} and value:sub(-{END}) or '' end
local function proof(value, how)
  if how == 'equal' and #value <= {COMPARE_BYTES} then return redis.sha1hex(value) end
  local head, tail = ends(value)
  return redis.sha1hex(#value .. ':' .. head .. tail)
end
"""
_DESCRIBE = (
    _ENDS
    + """
local fields, sizes, heads, tails, held = {}, {}, {}, {}, 0
local function describe(field, value)
  local at = #fields + 1
  fields[at], sizes[at], held = field, #value, held + #value
  heads[at], tails[at] = ends(value)
end
"""
)
# A hash of many values in one reply would hold the server: the page ends with its bytes.
_PAGE = Script(
    _DESCRIBE
    + f"""
local cursor = ARGV[1]
repeat
  local page = redis.call('HSCAN', KEYS[1], cursor, 'COUNT', 10)
  cursor = page[1]
  for i = 1, #page[2], 2 do describe(page[2][i], page[2][i + 1]) end
until cursor == '0' or #fields >= {_PAGE_FIELDS} or held >= {_PAGE_BYTES}
return cmsgpack.pack({{cursor, fields, sizes, heads, tails}})
"""
)
_GIVEN = Script(
    _DESCRIBE
    + """
for _, field in ipairs(ARGV) do
  local value = redis.call('HGET', KEYS[1], field)
  if value then describe(field, value) end
end
return cmsgpack.pack({'0', fields, sizes, heads, tails})
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
    _ENDS
    + """
local value = redis.call('HGET', KEYS[1], ARGV[1])
if not value then return -1 end
if proof(value, ARGV[2]) ~= ARGV[3] then return 0 end
return redis.call('HDEL', KEYS[1], ARGV[1])
"""
)
_RESTORE = Script(
    """
local value = redis.call('HGET', KEYS[1], ARGV[1])
if not value then redis.call('HSET', KEYS[1], ARGV[1], ARGV[2]) end
return (not value or value == ARGV[2]) and 1 or 0
"""
)
_HOLDS = Script(
    _ENDS
    + """
local value = redis.call('HGET', KEYS[1], ARGV[1])
return value and proof(value, 'equal') == ARGV[2] and 1 or 0
"""
)


@dataclass(frozen=True, slots=True)
class Described:
    """A field by its length and both ends; the second end is empty where the first is all."""

    field: bytes
    size: int
    head: bytes
    tail: bytes

    @property
    def proof(self) -> str:
        """What the server answers for the same length and ends."""
        return hashlib.sha1(b"%d:" % self.size + self.head + self.tail, usedforsecurity=False).hexdigest()


def proof_of(value: bytes) -> str:
    """What the server answers for the same content."""
    if len(value) <= COMPARE_BYTES:
        return hashlib.sha1(value, usedforsecurity=False).hexdigest()
    return Described(b"", len(value), value[:END], value[-END:]).proof


class Fields:
    """The fields of one hash over one link."""

    def __init__(self, link: Link, name: bytes) -> None:
        self._link = link
        self.name = name

    def pages(self) -> Iterator[list[Described]]:
        """All fields, page by page; a field may come twice."""
        cursor = b"0"
        while True:
            with self._link.call():
                cursor, page = self._described(_PAGE, [cursor])
            yield page
            if cursor == b"0":
                return

    def describe(self, fields: Sequence[bytes]) -> dict[bytes, Described]:
        """Those of these fields that are there."""
        found: dict[bytes, Described] = {}
        for start in range(0, len(fields), FIELDS_AT_ONCE):
            _cursor, page = self._described(_GIVEN, fields[start : start + FIELDS_AT_ONCE])
            found |= {one.field: one for one in page}
        return found

    def read(self, field: bytes, most: int) -> tuple[int, bytes]:
        """Length and beginning of a value; the length is -1 where it is gone."""
        length, value = cast(tuple[int, bytes], self._run(_READ, [(field, most)])[0])
        return length, value

    def remove(self, field: bytes, how: str, proof: str) -> Fate | str:
        """Remove a field that still has this proof: of its "ends", or "equal" content."""
        answer = self._link.run_script(_REMOVE, [((self.name,), (field, how, proof))])[0]
        if isinstance(answer, Exception):
            return explain(answer, self._link.place).message
        return {-1: Fate.GONE, 0: Fate.CHANGED}.get(cast(int, answer), Fate.REMOVED)

    def restore(self, field: bytes, value: bytes) -> Restoration:
        """Bring a value back where the field is free, or holds it already."""
        answer = self._link.run_script(_RESTORE, [((self.name,), (field, value))])[0]
        if isinstance(answer, Exception):
            return Restoration(Return.FAILED, explain(answer, self._link.place).message)
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
                    raise CacheUnavailable("This key is no hash.", "Give the name of the cache as option prefix.")
                raise explain(answer, self._link.place) from answer
        return answers
