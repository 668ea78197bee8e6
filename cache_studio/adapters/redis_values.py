"""Stored values as bytes to look at: strings by range, collections as JSON text, never more than was asked for."""

import json
from collections.abc import Callable, Iterator
from itertools import islice
from typing import TypeAlias, cast

from cache_studio.adapters.redis_errors import explain
from cache_studio.adapters.redis_link import Link
from cache_studio.adapters.redis_options import bytes_of, text_of
from cache_studio.adapters.redis_rights import Command
from cache_studio.model.payload import Piece

RANGE_BYTES = 1 << 20
"""Bytes of one GETRANGE; well under 20 ms of the server's time."""
PAGE_ELEMENTS = 200
_Elements: TypeAlias = Iterator[str]


def read_value(link: Link, name: str, kind: str, max_bytes: int | None) -> Piece:
    """The value of one key of this type; an unknown type is a piece with a problem."""
    if kind == "string":
        return read_string(link, name, max_bytes)
    if kind not in _READERS:
        return Piece("value", b"", 0, problem=f"Values of the type “{kind}” cannot be shown yet.")
    brackets, reader = _READERS[kind]
    return _joined(brackets, reader(link, bytes_of(name)), max_bytes)


def read_string(link: Link, name: str, max_bytes: int | None) -> Piece:
    """A string value, cut at `max_bytes`."""
    key, data = bytes_of(name), bytearray()
    total = cast(int, asked(link, ("STRLEN", key))) if link.rights.may("STRLEN") else None
    wanted = min(max_bytes if max_bytes is not None else 1 << 62, total if total is not None else 1 << 62)
    while len(data) < wanted:
        last = min(len(data) + RANGE_BYTES, wanted) - 1
        part = cast(bytes, asked(link, ("GETRANGE", key, len(data), last)))
        data += part
        if len(part) < RANGE_BYTES:
            break
    return Piece("value", bytes(data), max(total or 0, len(data)))


def asked(link: Link, command: Command) -> object:
    """The answer of one look that counts as a lookup; an error is raised as a sentence."""
    answer = link.bracketed([command])[0]
    if isinstance(answer, Exception):
        raise explain(answer, link.place) from answer
    return answer


def _joined(brackets: str, elements: _Elements, max_bytes: int | None) -> Piece:
    # One element more than fits is read, so that a cut is known to be one; the rest is never fetched.
    limit = 1 << 62 if max_bytes is None else max_bytes
    parts, length = [brackets[0]], 1
    for element in elements:
        part = ("" if len(parts) == 1 else ",\n ") + element
        parts.append(part)
        length += len(part)  # ASCII
        if length > limit:
            break
    else:
        parts.append(brackets[1])
        length += 1
    data = "".join(parts).encode("ascii")
    return Piece("value", data[:limit], length, "json")


def _scanned(link: Link, command: str, key: bytes) -> Iterator[list[bytes]]:
    cursor = b"0"
    while True:
        answer = cast(list[object], asked(link, (command, key, cursor, "COUNT", PAGE_ELEMENTS)))
        cursor = cast(bytes, answer[0])
        yield cast(list[bytes], answer[1])
        if cursor == b"0":
            return


def _ranged(link: Link, command: str, key: bytes) -> Iterator[list[bytes]]:
    start, tail = 0, ("WITHSCORES",) if command == "ZRANGE" else ()
    answers = PAGE_ELEMENTS * (1 + len(tail))
    while True:
        page = cast(list[bytes], asked(link, (command, key, start, start + PAGE_ELEMENTS - 1, *tail)))
        yield page
        if len(page) < answers:
            return
        start += PAGE_ELEMENTS


def _pairs(page: list[bytes]) -> Iterator[tuple[bytes, bytes]]:
    return zip(islice(page, 0, None, 2), islice(page, 1, None, 2), strict=True)


def _hash(link: Link, key: bytes) -> _Elements:
    seen: set[bytes] = set()  # HSCAN may bring a field twice
    for page in _scanned(link, "HSCAN", key):
        for name, value in _pairs(page):
            if name not in seen:
                seen.add(name)
                yield f"{_text(name)}: {_text(value)}"


def _set(link: Link, key: bytes) -> _Elements:
    seen: set[bytes] = set()
    for page in _scanned(link, "SSCAN", key):
        for member in page:
            if member not in seen:
                seen.add(member)
                yield _text(member)


def _list(link: Link, key: bytes) -> _Elements:
    for page in _ranged(link, "LRANGE", key):
        yield from map(_text, page)


def _sorted_set(link: Link, key: bytes) -> _Elements:
    for page in _ranged(link, "ZRANGE", key):
        for member, score in _pairs(page):
            yield f'{{"member": {_text(member)}, "score": {_score(score)}}}'


def _stream(link: Link, key: bytes) -> _Elements:
    start = b"-"
    while True:
        page = cast(list[list[object]], asked(link, ("XRANGE", key, start, "+", "COUNT", PAGE_ELEMENTS)))
        for number, fields in page:
            shown = ", ".join(f"{_text(name)}: {_text(value)}" for name, value in _pairs(cast(list[bytes], fields)))
            yield f'{{"id": {_text(cast(bytes, number))}, "fields": {{{shown}}}}}'
        if len(page) < PAGE_ELEMENTS:
            return
        last, _dash, serial = cast(bytes, page[-1][0]).partition(b"-")
        start = last + b"-" + str(int(serial) + 1).encode()


def _text(value: bytes) -> str:
    return json.dumps(text_of(value))


def _score(score: bytes) -> str:
    return score.decode("ascii") if score.strip(b"+-") not in (b"inf", b"nan") else json.dumps(score.decode("ascii"))


_READERS: dict[str, tuple[str, Callable[[Link, bytes], _Elements]]] = {
    "hash": ("{}", _hash),
    "list": ("[]", _list),
    "set": ("[]", _set),
    "zset": ("[]", _sorted_set),
    "stream": ("[]", _stream),
}
