"""Fields of a hash that lead to an entry: they go with it and come back with it, never a newer one."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeAlias, cast

from cache_studio.adapters.redis_link import Link, Script

FIELD_BYTES = 64 << 20
"""Larger values of a field are not copied: a field has no ranges, so the server would be held too long."""
FIELD_TOO_LARGE = "It is larger than 64 MB, which is not copied of a field; remove it without undo."
_PAGE = 200
Led: TypeAlias = Mapping[bytes, Sequence[tuple[bytes, bytes]]]
"""By the key that they lead to: fields with their values."""
# KEYS: the hash, and the key of the entry, or the hash in which it is the field ARGV[1].
_REMOVE = Script(
    """
if ARGV[1] == '' then
  if redis.call('EXISTS', KEYS[2]) == 1 then return 0 end
elseif redis.call('HEXISTS', KEYS[2], ARGV[1]) == 1 then
  return 0
end
local gone = 0
for i = 2, #ARGV, 2 do
  if redis.call('HGET', KEYS[1], ARGV[i]) == ARGV[i + 1] then gone = gone + redis.call('HDEL', KEYS[1], ARGV[i]) end
end
return gone
"""
)
_RESTORE = Script(
    """
for i = 1, #ARGV, 2 do redis.call('HSETNX', KEYS[1], ARGV[i], ARGV[i + 1]) end
return 1
"""
)


def fields_leading(link: Link, name: bytes, key_of: Callable[[bytes], bytes]) -> dict[bytes, list[tuple[bytes, bytes]]]:
    """All fields of a hash by what `key_of` reads from their values; none where it is no hash or may not be read."""
    found: dict[bytes, list[tuple[bytes, bytes]]] = {}
    for page in _pages(link, name):
        for field, value in page:
            found.setdefault(key_of(value), []).append((field, value))
    return found


def remove_fields(link: Link, name: bytes, entries: Sequence[tuple[bytes, bytes, bytes]], led: Led) -> None:
    """Remove the fields that lead to entries which went, unless they changed or the entry is stored anew.

    Of each entry: the key that leads to it, the Redis key that holds it, and its field there ("" where it is all).
    """
    calls = [((name, place), (field, *_flat(led[key]))) for key, place, field in entries if led.get(key)]
    if calls and link.rights.scripts:
        link.run_script(_REMOVE, calls)


def restore_fields(link: Link, name: bytes, fields: Sequence[tuple[bytes, bytes]]) -> None:
    """Bring fields back where none of their names is taken."""
    if fields and link.rights.scripts:
        link.run_script(_RESTORE, [((name,), _flat(fields))])


def _flat(pairs: Sequence[tuple[bytes, bytes]]) -> list[bytes]:
    return [part for pair in pairs for part in pair]


def _pages(link: Link, name: bytes) -> Iterator[list[tuple[bytes, bytes]]]:
    cursor: object = b"0"
    while True:
        answer = link.bracketed([("HSCAN", name, cursor, "COUNT", _PAGE)])[0]
        if not isinstance(answer, list):
            return
        flat = cast(list[bytes], answer[1])
        yield list(zip(flat[::2], flat[1::2], strict=True))
        cursor = answer[0]
        if cursor == b"0":
            return
