"""What a recorder counts, and how it is written as bytes (a slot of the file) and as fields (a Redis hash)."""

import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

COUNTERS = ("hits", "misses", "evictions", "expirations", "puts")
"""The whole-number counters, in the order in which they are written."""
WIDTH = len(COUNTERS) + 1
"""Counters of one row and the sum of lookup times in seconds."""
OTHERS = "\x00others"
"""The namespace that counts together what has no room of its own."""

Row: TypeAlias = list[float]
"""One number for each of COUNTERS, then seconds."""
Rows: TypeAlias = dict[tuple[str, str], Row]
"""By namespace and level; level "" counts lookups of the cache as a whole."""

_ROW = struct.Struct("<HB5Qd")
_FILL = struct.Struct("<B?qqd")
_COUNT = struct.Struct("<HH")
_UNKNOWN = -1


@dataclass(frozen=True, slots=True)
class Fill:
    """How full a level is; None is not recorded. A shared level is the same for all processes."""

    entries: int | None
    bytes: int | None
    shared: bool = False
    at: float = 0.0


@dataclass(slots=True)
class Tally:
    """Everything that one process (or all ended ones) counted."""

    rows: Rows = field(default_factory=dict)
    fills: dict[str, Fill] = field(default_factory=dict)

    def copy(self) -> "Tally":
        """An independent copy."""
        return Tally({place: list(row) for place, row in self.rows.items()}, dict(self.fills))

    def add(self, other: "Tally") -> None:
        """Add the rows of another; of two fills of a shared level the younger counts."""
        for place, row in other.rows.items():
            mine = self.rows.setdefault(place, [0.0] * WIDTH)
            for column, number in enumerate(row):
                mine[column] += number
        for level, fill in other.fills.items():
            mine_fill = self.fills.get(level)
            self.fills[level] = fill if mine_fill is None else _joined(mine_fill, fill)

    def without(self, earlier: "Tally") -> "Tally":
        """What was counted since `earlier`."""
        left = self.copy()
        for place, row in earlier.rows.items():
            mine = left.rows.setdefault(place, [0.0] * WIDTH)
            for column, number in enumerate(row):
                mine[column] -= number
        return left


def _joined(one: Fill, other: Fill) -> Fill:
    if one.shared or other.shared:
        return max(one, other, key=lambda fill: fill.at)
    return Fill(_sum(one.entries, other.entries), _sum(one.bytes, other.bytes), False, max(one.at, other.at))


def _sum(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else one + other


def pack(tally: Tally, room: int) -> bytes:
    """A tally as at most `room` bytes; namespaces that find no room are counted together as OTHERS."""
    fills = [_packed_fill(level, fill) for level, fill in tally.fills.items()]
    left = room - _COUNT.size - sum(map(len, fills)) - 8 * (_ROW.size + 300)  # room for OTHERS on some levels
    rows, rest = [], Tally()
    for (namespace, level), row in tally.rows.items():
        data = _packed_row(namespace, level, row)
        if len(data) <= left:
            rows.append(data)
            left -= len(data)
        else:
            rest.add(Tally({(OTHERS, level): row}))
    rows += [_packed_row(namespace, level, row) for (namespace, level), row in rest.rows.items()]
    return b"".join((_COUNT.pack(len(rows), len(fills)), *rows, *fills))


def _packed_row(namespace: str, level: str, row: Row) -> bytes:
    names = _encoded(namespace, 1000), _encoded(level, 255)
    return _ROW.pack(len(names[0]), len(names[1]), *map(int, row[:-1]), row[-1]) + b"".join(names)


def _packed_fill(level: str, fill: Fill) -> bytes:
    name = _encoded(level, 255)
    numbers = (_UNKNOWN if number is None else number for number in (fill.entries, fill.bytes))
    return _FILL.pack(len(name), fill.shared, *numbers, fill.at) + name


def unpack(data: bytes) -> Tally:
    """The tally that `pack` wrote; raises ValueError when it is none."""
    tally = Tally()
    try:
        row_count, fill_count = _COUNT.unpack_from(data)
        place = _COUNT.size
        for _ in range(row_count):
            namespace_length, level_length, *row = _ROW.unpack_from(data, place)
            place += _ROW.size
            namespace = _decoded(data[place : place + namespace_length])
            place += namespace_length
            level = _decoded(data[place : place + level_length])
            place += level_length
            tally.add(Tally({(namespace, level): row}))
        for _ in range(fill_count):
            length, shared, entries, size, at = _FILL.unpack_from(data, place)
            place += _FILL.size
            entries, size = (None if number == _UNKNOWN else number for number in (entries, size))
            tally.fills[_decoded(data[place : place + length])] = Fill(entries, size, shared, at)
            place += length
    except struct.error as error:
        raise ValueError(f"not a recorder's slot: {error}") from error
    return tally


def to_fields(tally: Tally, started_at: float) -> dict[str, str]:
    """A tally as the fields of one Redis hash: `started_at`, `count|level|namespace`, `fill|level`."""
    fields = {"started_at": repr(started_at)}
    for (namespace, level), row in tally.rows.items():
        numbers = [*(str(int(number)) for number in row[:-1]), repr(row[-1])]
        fields[f"count|{level}|{namespace}"] = " ".join(numbers)
    for level, fill in tally.fills.items():
        known = ("-" if number is None else str(number) for number in (fill.entries, fill.bytes))
        fields[f"fill|{level}"] = " ".join((*known, str(int(fill.shared)), repr(fill.at)))
    return fields


def from_fields(fields: Mapping[str, str]) -> tuple[Tally, float | None]:
    """What `to_fields` wrote, and started_at; a field that cannot be read is left out."""
    tally = Tally()
    started_at = None
    for name, text in fields.items():
        kind, *names = name.split("|", 2)
        try:
            if kind == "started_at":
                started_at = float(text)
            elif kind == "count":
                level, namespace = names
                *counts, seconds = text.split(" ")
                row = [*(float(int(number)) for number in counts), float(seconds)]
                if len(row) == WIDTH:
                    tally.rows[namespace, level] = row
            elif kind == "fill":
                entries, size, shared, at = text.split(" ")
                tally.fills["|".join(names)] = Fill(_known(entries), _known(size), shared == "1", float(at))
        except ValueError:
            continue
    return tally, started_at


def _known(text: str) -> int | None:
    return None if text == "-" else int(text)


def totals(rows: Iterable[Row]) -> Row:
    """The sum of rows."""
    sums = [0.0] * WIDTH
    for row in rows:
        for column, number in enumerate(row):
            sums[column] += number
    return sums


def _encoded(text: str, limit: int) -> bytes:
    return text.encode("utf-8", "surrogateescape")[:limit]


def _decoded(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")
