"""Stored values as bytes to look at: strings by range, collections as JSON text, never more than was asked for."""

import json
from collections.abc import Callable, Iterator
from typing import TypeAlias, cast

from cache_studio.adapters.redis_errors import explain
from cache_studio.adapters.redis_link import Link
from cache_studio.adapters.redis_options import bytes_of, text_of
from cache_studio.adapters.redis_pages import RANGE_BYTES, Ask, pairs, ranged, scanned, streamed
from cache_studio.adapters.redis_rights import Command
from cache_studio.model.payload import Piece

_Elements: TypeAlias = Iterator[str]


def read_value(link: Link, name: str, kind: str, max_bytes: int | None) -> Piece:
    """The value of one key of this type; an unknown type is a piece with a problem."""
    if kind == "string":
        return read_string(link, name, max_bytes)
    if kind not in _READERS:
        return Piece("value", b"", 0, problem=f"Values of the type “{kind}” cannot be shown yet.")
    brackets, reader = _READERS[kind]
    return _joined(brackets, reader(lambda command: asked(link, command), bytes_of(name)), max_bytes)


def read_string(link: Link, name: str, max_bytes: int | None) -> Piece:
    """A string value, cut at `max_bytes`."""
    key, data = bytes_of(name), bytearray()
    if not link.rights.may("GETRANGE") and link.rights.may("GET"):
        whole = cast(bytes | None, asked(link, ("GET", key))) or b""
        return Piece("value", whole[:max_bytes], len(whole))
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


def _hash(ask: Ask, key: bytes) -> _Elements:
    seen: set[bytes] = set()  # HSCAN may bring a field twice
    for page in scanned(ask, "HSCAN", key):
        for name, value in pairs(page):
            if name not in seen:
                seen.add(name)
                yield f"{_text(name)}: {_text(value)}"


def _set(ask: Ask, key: bytes) -> _Elements:
    seen: set[bytes] = set()
    for page in scanned(ask, "SSCAN", key):
        for member in page:
            if member not in seen:
                seen.add(member)
                yield _text(member)


def _list(ask: Ask, key: bytes) -> _Elements:
    for page in ranged(ask, "LRANGE", key):
        yield from map(_text, page)


def _sorted_set(ask: Ask, key: bytes) -> _Elements:
    for page in ranged(ask, "ZRANGE", key):
        for member, score in pairs(page):
            yield f'{{"member": {_text(member)}, "score": {_score(score)}}}'


def _stream(ask: Ask, key: bytes) -> _Elements:
    for number, fields in streamed(ask, key):
        shown = ", ".join(f"{_text(name)}: {_text(value)}" for name, value in pairs(fields))
        yield f'{{"id": {_text(number)}, "fields": {{{shown}}}}}'


def _text(value: bytes) -> str:
    return json.dumps(text_of(value))


def _score(score: bytes) -> str:
    return score.decode("ascii") if score.strip(b"+-") not in (b"inf", b"nan") else json.dumps(score.decode("ascii"))


_READERS: dict[str, tuple[str, Callable[[Ask, bytes], _Elements]]] = {
    "hash": ("{}", _hash),
    "list": ("[]", _list),
    "set": ("[]", _set),
    "zset": ("[]", _sorted_set),
    "stream": ("[]", _stream),
}
