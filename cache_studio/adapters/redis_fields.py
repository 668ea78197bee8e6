"""Fields of a hash that lead to an entry: they go with it and come back with it, never a newer one."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import cast

from cache_studio.adapters.redis_link import Link, Script

_PAGE = 200
_REMOVE = Script(
    """
if redis.call('EXISTS', KEYS[2]) == 1 then return 0 end
local gone = 0
for i = 2, #ARGV do
  if redis.call('HGET', KEYS[1], ARGV[i]) == ARGV[1] then gone = gone + redis.call('HDEL', KEYS[1], ARGV[i]) end
end
return gone
"""
)
_RESTORE = Script(
    """
for i = 2, #ARGV do redis.call('HSETNX', KEYS[1], ARGV[i], ARGV[1]) end
return 1
"""
)


def fields_leading_to(link: Link, name: bytes, values: Collection[bytes]) -> dict[bytes, list[bytes]]:
    """The fields of a hash with one of these values, by value; none where it is no hash or may not be read."""
    found: dict[bytes, list[bytes]] = {}
    for fields in _pages(link, name):
        for field, value in fields.items():
            if value in values:
                found.setdefault(value, []).append(field)
    return found


def remove_fields(link: Link, name: bytes, leading: Mapping[bytes, tuple[bytes, Sequence[bytes]]]) -> None:
    """Remove the fields of each value that still have it, unless its entry (the key beside them) is stored anew."""
    calls = [((name, key), (value, *fields)) for value, (key, fields) in leading.items() if fields]
    if calls and link.rights.scripts:
        link.run_script(_REMOVE, calls)


def restore_fields(link: Link, name: bytes, value: bytes, fields: Sequence[bytes]) -> None:
    """Bring the fields of a value back where none of their names is taken."""
    if fields and link.rights.scripts:
        link.run_script(_RESTORE, [((name,), (value, *fields))])


def _pages(link: Link, name: bytes) -> Iterator[dict[bytes, bytes]]:
    cursor: object = b"0"
    while True:
        answer = link.bracketed([("HSCAN", name, cursor, "COUNT", _PAGE)])[0]
        if not isinstance(answer, list):
            return
        flat = cast(list[bytes], answer[1])
        yield dict(zip(flat[::2], flat[1::2], strict=True))
        cursor = answer[0]
        if cursor == b"0":
            return
