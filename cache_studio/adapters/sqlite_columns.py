"""Columns of a page as arrays: whole lists at once, because a call a cell would cost more than SQLite itself."""

import hashlib
from collections.abc import Sequence

import numpy as np

from cache_studio.adapters.sqlite_open import Cell
from cache_studio.model.columns import Floats
from cache_studio.model.identity import Stamp

_NUMBERS = frozenset((int, float, type(None)))


def numbers(cells: Sequence[Cell]) -> Floats:
    """Finite numbers as they are; anything else is NaN."""
    if not set(map(type, cells)) <= _NUMBERS:
        cells = [cell if isinstance(cell, int | float) else None for cell in cells]
    found = np.array(cells, dtype=np.float64)
    found[np.isinf(found)] = np.nan
    return found


def stamps_of(rows: Sequence[Sequence[Cell]]) -> list[Stamp]:
    """A stamp for each row: changed by whatever changes one of its cells."""
    return [(_folded(row),) for row in rows]


def _folded(row: Sequence[Cell]) -> int:
    seen = hashlib.blake2b(repr(tuple(row)).encode("ascii", "backslashreplace"), digest_size=8).digest()
    return int.from_bytes(seen, "big", signed=True)
