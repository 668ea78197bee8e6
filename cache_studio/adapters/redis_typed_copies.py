"""Values copied by what is in them, for servers that may not dump them or values that are too large to be dumped.

A copy is a list of *steps*: the commands, without the key, that write the value again, each short. Its proof is the
digest of all elements, the same in whatever pages and, where the server keeps no order, in whatever order they come.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeAlias, cast

import msgpack

from cache_studio.adapters.redis_pages import PAGE_ELEMENTS, RANGE_BYTES, Ask, pairs, ranged, ranges, scanned, streamed
from cache_studio.adapters.redis_rights import Rights

MOST_ELEMENTS = 1_000
"""Elements of one page, however small they are."""
GROUPS = "It is a stream with consumer groups, which can only be copied whole."
EMPTY_STREAM = "It is a stream without entries, which can only be copied whole."
FIELD_TTLS = "Its fields have lives of their own, which can only be copied whole."
Step: TypeAlias = list[bytes]


class NotCopied(Exception):
    """This value cannot be copied in steps; the text is a sentence."""


class Unsteady(Exception):
    """The value changed while it was read, or is of another type by now."""


@dataclass(frozen=True, slots=True)
class _Kind:
    length: str
    """The command that tells how many elements there are (bytes of a string)."""
    steps: Callable[[Ask, bytes, int, int], Iterator[Step]]
    """Of a length and elements of a page."""
    words: frozenset[bytes]
    """The commands of its steps: no other is ever sent."""
    width: int
    """Arguments of a step that are one element; 0: the step is one."""
    ordered: bool = True


def steps_of(ask: Ask, key: bytes, kind: str, rights: Rights) -> Iterator[Step]:
    """What writes the value again. Unsteady when it is not what its length promised, NotCopied with the reason."""
    found = KINDS[kind]
    length = cast(int, ask((found.length, key)))
    memory = ask(("MEMORY", "USAGE", key)) if kind != "string" and rights.may("MEMORY USAGE") else None
    page = PAGE_ELEMENTS
    if isinstance(memory, int) and memory > 0:
        page = max(1, min(MOST_ELEMENTS, RANGE_BYTES * length // memory))
    if kind == "hash" and rights.may("HPEXPIRETIME"):
        return _without_lives(ask, key, found.steps(ask, key, length, page))
    return found.steps(ask, key, length, page)


def digest_of(kind: str, steps: Iterable[Step]) -> str:
    """The proof of a value: its type, how many elements it has, and what they are."""
    digest = Digest(kind)
    for step in steps:
        digest.add(step)
    return digest.told


class Digest:
    """The proof of a value, step by step."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._count = self._total = 0
        self._chained = hashlib.sha256()

    def add(self, step: Step) -> None:
        """One more step."""
        found = KINDS[self._kind]
        for element in _elements(found, step):
            self._count += len(element) if self._kind == "string" else 1
            if self._kind == "string":
                self._chained.update(element)
            elif found.ordered:
                self._chained.update(hashlib.sha256(element).digest())
            else:
                self._total += int.from_bytes(hashlib.sha256(element).digest(), "big")

    @property
    def told(self) -> str:
        """The digest of what was added."""
        told = self._chained.hexdigest() if KINDS[self._kind].ordered else f"{self._total % (1 << 256):064x}"
        return f"{self._kind}:{self._count}:{told}"


def pack_step(step: Step) -> bytes:
    """One step as bytes; steps one after the other are a packed copy."""
    packed: bytes = msgpack.packb(step)
    return packed


def unpack_steps(kind: str, proof: str, chunks: Iterable[bytes]) -> Iterator[Step]:
    """The steps of a packed copy; ValueError for what is none of this type, and at the end for another proof."""
    unpacker, digest = msgpack.Unpacker(max_buffer_size=0), Digest(kind)
    for chunk in chunks:
        unpacker.feed(chunk)
        for step in unpacker:
            if not isinstance(step, list) or len(step) < 2 or step[0] not in KINDS[kind].words:
                raise ValueError("this is no step")
            digest.add(step)
            yield step
    if digest.told != proof:
        raise ValueError("steps are missing")


def _elements(kind: _Kind, step: Step) -> Iterator[bytes]:
    if kind.width == 0:
        yield pack_step(step)
    elif kind.width == 1:
        yield from step[1:]
    else:
        for one, other in pairs(step[1:]):
            yield len(one).to_bytes(8, "big") + one + other


def _string(ask: Ask, key: bytes, length: int, _page: int) -> Iterator[Step]:
    if not length:
        yield [b"APPEND", b""]
    read = 0
    for part in ranges(ask, key, length):
        read += len(part)
        yield [b"APPEND", part]
    if read != length:
        raise Unsteady


def _list(ask: Ask, key: bytes, length: int, page: int) -> Iterator[Step]:
    yield from _counted(([b"RPUSH", *found] for found in ranged(ask, "LRANGE", key, page) if found), 1, length)


def _set(ask: Ask, key: bytes, length: int, page: int) -> Iterator[Step]:
    yield from _counted(([b"SADD", *found] for found in scanned(ask, "SSCAN", key, page) if found), 1, length)


def _hash(ask: Ask, key: bytes, length: int, page: int) -> Iterator[Step]:
    yield from _counted(([b"HSET", *found] for found in scanned(ask, "HSCAN", key, page) if found), 2, length)


def _sorted_set(ask: Ask, key: bytes, length: int, page: int) -> Iterator[Step]:
    found = (
        [b"ZADD", *(part for member, score in pairs(some) for part in (score, member))]
        for some in ranged(ask, "ZRANGE", key, page)
        if some
    )
    yield from _counted(found, 2, length)


def _counted(steps: Iterator[Step], width: int, length: int) -> Iterator[Step]:
    # Another number than there are: some were added or came twice while the server moved its table.
    read = 0
    for step in steps:
        read += (len(step) - 1) // width
        yield step
    if read != length:
        raise Unsteady


def _stream(ask: Ask, key: bytes, length: int, page: int) -> Iterator[Step]:
    told = cast(list[object], ask(("XINFO", "STREAM", key)))
    facts = dict(zip(told[::2], told[1::2], strict=True))
    if facts[b"groups"]:
        raise NotCopied(GROUPS)
    if not length:
        raise NotCopied(EMPTY_STREAM)
    read = 0
    for number, fields in streamed(ask, key, page):
        read += 1
        yield [b"XADD", number, *fields]
    if read != length:
        raise Unsteady
    end = [b"XSETID", cast(bytes, facts[b"last-generated-id"])]
    if b"entries-added" in facts:
        added, deleted = cast(int, facts[b"entries-added"]), cast(bytes, facts[b"max-deleted-entry-id"])
        end += [b"ENTRIESADDED", str(added).encode(), b"MAXDELETEDID", deleted]
    yield end


def _without_lives(ask: Ask, key: bytes, steps: Iterator[Step]) -> Iterator[Step]:
    for step in steps:
        fields = step[1::2]
        lives = cast(list[int], ask(("HPEXPIRETIME", key, "FIELDS", len(fields), *fields)))
        if any(life >= 0 for life in lives):
            raise NotCopied(FIELD_TTLS)
        yield step


KINDS: Mapping[str, _Kind] = MappingProxyType(
    {
        "string": _Kind("STRLEN", _string, frozenset({b"APPEND"}), 1),
        "list": _Kind("LLEN", _list, frozenset({b"RPUSH"}), 1),
        "set": _Kind("SCARD", _set, frozenset({b"SADD"}), 1, ordered=False),
        "hash": _Kind("HLEN", _hash, frozenset({b"HSET"}), 2, ordered=False),
        "zset": _Kind("ZCARD", _sorted_set, frozenset({b"ZADD"}), 2),
        "stream": _Kind("XLEN", _stream, frozenset({b"XADD", b"XSETID"}), 0),
    }
)
"""How each type is read and written in steps."""
