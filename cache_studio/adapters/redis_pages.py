"""Values page by page, over whatever asks: a look that is accounted for, or one between WATCH and EXEC."""

from collections.abc import Callable, Iterator
from itertools import islice
from typing import TypeAlias, cast

from cache_studio.adapters.redis_rights import Command

RANGE_BYTES = 1 << 20
"""Bytes of one GETRANGE; well under 20 ms of the server's time."""
PAGE_ELEMENTS = 200
Ask: TypeAlias = Callable[[Command], object]
"""The answer of one look; an error is raised."""


def range_at(key: bytes, start: int) -> Command:
    """One part of a string."""
    return ("GETRANGE", key, start, start + RANGE_BYTES - 1)


def ranges(ask: Ask, key: bytes, total: int) -> Iterator[bytes]:
    """The first `total` bytes of a string; ends early where it has become shorter."""
    for start in range(0, total, RANGE_BYTES):
        part = cast(bytes, ask(range_at(key, start)))
        yield part[: total - start]
        if len(part) < min(RANGE_BYTES, total - start):
            return


def scanned(ask: Ask, command: str, key: bytes, count: int = PAGE_ELEMENTS) -> Iterator[list[bytes]]:
    """The pages of HSCAN or SSCAN; an element may come twice while the server moves its table."""
    cursor = b"0"
    while True:
        answer = cast(list[object], ask((command, key, cursor, "COUNT", count)))
        cursor = cast(bytes, answer[0])
        yield cast(list[bytes], answer[1])
        if cursor == b"0":
            return


def ranged(ask: Ask, command: str, key: bytes, count: int = PAGE_ELEMENTS) -> Iterator[list[bytes]]:
    """The pages of LRANGE or ZRANGE, the latter with a score behind each member."""
    start, tail = 0, ("WITHSCORES",) if command == "ZRANGE" else ()
    answers = count * (1 + len(tail))
    while True:
        page = cast(list[bytes], ask((command, key, start, start + count - 1, *tail)))
        yield page
        if len(page) < answers:
            return
        start += count


def streamed(ask: Ask, key: bytes, count: int = PAGE_ELEMENTS) -> Iterator[tuple[bytes, list[bytes]]]:
    """Id and fields of each entry of a stream."""
    start = b"-"
    while True:
        page = cast(list[list[object]], ask(("XRANGE", key, start, "+", "COUNT", count)))
        for number, fields in page:
            yield cast(bytes, number), cast(list[bytes], fields)
        if len(page) < count:
            return
        last, _dash, serial = cast(bytes, page[-1][0]).partition(b"-")
        start = last + b"-" + str(int(serial) + 1).encode()


def pairs(page: list[bytes]) -> Iterator[tuple[bytes, bytes]]:
    """A flat answer two by two."""
    return zip(islice(page, 0, None, 2), islice(page, 1, None, 2), strict=True)
