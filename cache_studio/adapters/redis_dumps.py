"""Whether two answers of DUMP hold the same content.

Redis keeps larger sets and hashes without an order: after RESTORE the same members may be dumped in another order, so
equal content need not be equal bytes. All other types dump what they hold in one order.
"""

from collections.abc import Iterator

_SET, _HASH = 2, 4
"""RDB types of sets and hashes that are kept as tables."""
_FOOTER = 10
"""Bytes at the end: version of the format and checksum."""
_INTEGERS = {0: 1, 1: 2, 2: 4}
_COMPRESSED = 3


def same_content(one: bytes, other: bytes) -> bool:
    """Whether they hold the same; False where one of them cannot be understood."""
    if one == other:
        return True
    if len(one) != len(other) or one[:1] != other[:1] or one[:1] not in (bytes([_SET]), bytes([_HASH])):
        return False
    try:
        return _members(one) == _members(other)
    except (IndexError, ValueError):
        return False


def _members(dump: bytes) -> list[tuple[bytes, ...]]:
    body = dump[1:-_FOOTER]
    count, at = _length(body, 0)
    strings = list(_strings(body, at))
    width = 2 if dump[0] == _HASH else 1
    if len(strings) != count * width:
        raise ValueError("a member is missing")
    return sorted(tuple(strings[at : at + width]) for at in range(0, len(strings), width))


def _strings(body: bytes, at: int) -> Iterator[bytes]:
    """Each string as it is encoded: the same text always is in the same way."""
    while at < len(body):
        start = at
        first = body[at]
        if first >> 6 != 3:
            length, at = _length(body, at)
            at += length
        elif (kind := first & 63) == _COMPRESSED:
            packed, at = _length(body, at + 1)
            _whole, at = _length(body, at)
            at += packed
        else:
            at += 1 + _INTEGERS.get(kind, len(body))
        if at > len(body):
            raise ValueError("a string is cut off")
        yield body[start:at]


def _length(body: bytes, at: int) -> tuple[int, int]:
    """A length and where it ends."""
    first = body[at]
    match first >> 6:
        case 0:
            return first & 63, at + 1
        case 1:
            return (first & 63) << 8 | body[at + 1], at + 2
        case 2:
            width = 8 if first & 1 else 4
            return int.from_bytes(body[at + 1 : at + 1 + width], "big"), at + 1 + width
    raise ValueError("no length")
