"""The layout of dbm.dumb: `.dir`, a text line a key with the place of its value, and `.dat`, the values."""

import ast
import os
import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from cache_studio.adapters.sight import Sight

INDEX, DATA = ".dir", ".dat"
ENDINGS = (INDEX, DATA, ".bak")
BLOCK = 512
"""Values begin at multiples of it."""
_LINE = re.compile(
    rb"""('(?:[^'\\\r\n]|\\[^\r\n])*'|"(?:[^"\\\r\n]|\\[^\r\n])*"), \(([0-9]{1,15}), ([0-9]{1,15})\)[ \r]*"""
).fullmatch
_DOGPILE = re.compile(rb'\{"ct": ?[0-9][0-9.e+]*, ?"v": ?[0-9]+\}\|').match
_SAMPLES = 8


class Place(NamedTuple):
    """Where a value lies in the data."""

    position: int
    size: int

    @property
    def end(self) -> int:
        """The first byte after its last block."""
        return self.position + -(-self.size // BLOCK) * BLOCK


class Index(NamedTuple):
    """All keys in the order of the file, and how many lines cannot be read."""

    places: dict[bytes, Place]
    broken: int


def base_of(location: str) -> str:
    """The name that an application gives, whichever of the files is named."""
    return next((location[: -len(ending)] for ending in ENDINGS if location.endswith(ending)), location)


def index_beside(sight: Sight) -> Sight | None:
    """The index of the file that is looked at."""
    if sight.kind != "file" or not sight.name.endswith(ENDINGS[:2]):
        return None
    return Sight(base_of(sight.path) + INDEX)


def looks_like_index(head: bytes) -> bool:
    """Whether its first lines are those of an index."""
    lines = head.split(b"\n")[:-1][:_SAMPLES]
    return bool(lines) and all(_LINE(line) for line in lines)


def first_values(index: Sight) -> list[bytes]:
    """The beginnings of the first values, as far as the head of the data holds them."""
    data = Sight(base_of(index.path) + DATA).head
    places = list(read_index(b"\n".join(index.head.split(b"\n")[:_SAMPLES])).places.values())
    return [data[place.position :][: place.size] for place in places if place.position < len(data)]


def looks_like_dogpile(values: Iterable[bytes]) -> bool:
    """Whether the values are entries of dogpile.cache, every one."""
    found = list(values)
    return bool(found) and all(_DOGPILE(value) for value in found)


def read_index(content: bytes) -> Index:
    """The keys of an index; a later line of a key counts."""
    places: dict[bytes, Place] = {}
    broken = 0
    for line in content.split(b"\n"):
        if not line.strip():
            continue
        found = _LINE(line)
        try:
            if found is None:
                raise ValueError("no line of an index")
            # The expression lets one literal of a text through and nothing else.
            key = ast.literal_eval(found[1].decode("latin-1")).encode("latin-1")
        except (ValueError, SyntaxError, MemoryError):
            broken += 1
            continue
        places[key] = Place(int(found[2]), int(found[3]))
    return Index(places, broken)


def write_index(places: Mapping[bytes, Place]) -> bytes:
    """The text of an index, as dbm.dumb writes it."""
    lines = [f"{key.decode('latin-1')!r}, ({place.position}, {place.size})\n" for key, place in places.items()]
    return "".join(lines).encode("latin-1")


def read_value(descriptor: int, place: Place, limit: int | None = None) -> bytes:
    """A value, or its first `limit` bytes; shorter where the data end before."""
    length = place.size if limit is None else min(limit, place.size)
    length = max(0, min(length, os.fstat(descriptor).st_size - place.position))
    os.lseek(descriptor, place.position, os.SEEK_SET)
    parts: list[bytes] = []
    while length and (part := os.read(descriptor, length)):
        parts.append(part)
        length -= len(part)
    return b"".join(parts)
