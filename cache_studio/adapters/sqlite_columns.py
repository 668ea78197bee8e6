"""Columns of a page as arrays: whole lists at once, because a call a cell would cost more than SQLite itself."""

import hashlib
from collections.abc import Sequence
from typing import cast

import numpy as np

from cache_studio.adapters.sqlite_open import Cell
from cache_studio.model.columns import Floats
from cache_studio.model.identity import Stamp
from cache_studio.model.times import MILLISECONDS_FROM, parse_time

_NUMBERS = frozenset((int, float, type(None)))
_PLAIN_LENGTHS = frozenset((19, 23, 26))  # YYYY-MM-DD HH:MM:SS, with milliseconds, with microseconds
_LATEST = 253_402_300_799.0
_STRETCH = 900  # seconds; no zone changes its offset inside a quarter of an hour


def numbers(cells: Sequence[Cell]) -> Floats:
    """Finite numbers as they are; anything else is NaN."""
    if not set(map(type, cells)) <= _NUMBERS:
        cells = [cell if isinstance(cell, int | float) else None for cell in cells]
    found = np.array(cells, dtype=np.float64)
    found[np.isinf(found)] = np.nan
    return found


def moments(cells: Sequence[Cell], unit: str, zone: str) -> Floats:
    """Epoch seconds of times in any of the known forms, NaN where there is none: `parse_time` for a whole column."""
    kinds = set(map(type, cells))
    if kinds <= _NUMBERS and unit != "iso":
        found = np.array(cells, dtype=np.float64)
        if unit == "milliseconds":
            found /= 1000
        elif unit == "auto":
            found[np.abs(found) >= MILLISECONDS_FROM] /= 1000
        found[~(np.abs(found) <= _LATEST)] = np.nan
        return found
    if kinds == {str}:
        plain = _plain_texts(cast(Sequence[str], cells), zone)
        if plain is not None:
            return plain
    return np.array([parse_time(cell, unit, zone) for cell in cells], dtype=np.float64)


def _plain_texts(texts: Sequence[str], zone: str) -> Floats | None:
    """Times without an offset, all at once; None when one of them is written otherwise."""
    if not set(map(len, texts)) <= _PLAIN_LENGTHS:
        return None
    joined = "".join(texts)
    if not joined.isascii() or not set(joined) <= set("0123456789-:.T "):
        return None
    try:
        wall = np.array(texts, dtype="datetime64[us]").astype(np.int64) / 1e6
    except ValueError:
        return None
    if zone == "utc":
        return wall
    stretches, place = np.unique(np.floor(wall / _STRETCH).astype(np.int64), return_inverse=True)
    starts = np.datetime_as_string((stretches * _STRETCH).astype("datetime64[s]"))
    offsets = np.array([parse_time(str(start)) for start in starts]) - stretches * _STRETCH
    moved: Floats = wall + offsets[place]
    return moved


def stamps_of(rows: Sequence[Sequence[Cell]]) -> list[Stamp]:
    """A stamp for each row: changed by whatever changes one of its cells."""
    return [(_folded(row),) for row in rows]


def _folded(row: Sequence[Cell]) -> int:
    seen = hashlib.blake2b(repr(tuple(row)).encode("ascii", "backslashreplace"), digest_size=8).digest()
    return int.from_bytes(seen, "big", signed=True)
