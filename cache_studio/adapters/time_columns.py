"""Moments of a whole column at once, because a call of `parse_time` a cell costs more than what it reads."""

import re
from collections.abc import Sequence
from typing import cast

import numpy as np
from numpy.typing import NDArray

from cache_studio.model.columns import Floats
from cache_studio.model.times import EARLIEST, LATEST, MILLISECONDS_FROM, parse_time

_NUMBERS = frozenset((int, float, type(None)))
_WALL_CLOCK = r"(?!0000)[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{3}(?:[0-9]{3})?)?"
_WALL_CLOCKS = re.compile(f"(?:{_WALL_CLOCK}\n)+").fullmatch
"""Date and time without an offset, one a line, with milliseconds, microseconds or neither."""
_DAY, _SECOND = 86_400, 1_000_000


def moments(cells: Sequence[object], unit: str, zone: str) -> Floats:
    """Epoch seconds of times in any of the known forms, NaN where there is none: `parse_time` for a whole column."""
    kinds = set(map(type, cells))
    found = None
    if kinds <= _NUMBERS:
        found = _from_numbers(cells, unit)
    elif kinds == {str}:
        found = _from_wall_clocks(cast(Sequence[str], cells), zone)
    return _one_by_one(cells, unit, zone) if found is None else found


def _one_by_one(cells: Sequence[object], unit: str, zone: str) -> Floats:
    return np.array([parse_time(cell, unit, zone) for cell in cells], dtype=np.float64)


def _from_numbers(cells: Sequence[object], unit: str) -> Floats | None:
    """None where one of them is more than a float can hold."""
    try:
        found = np.array(cells, dtype=np.float64)
    except OverflowError:
        return None
    if unit == "milliseconds":
        found /= 1000
    elif unit == "auto":
        found[np.abs(found) >= MILLISECONDS_FROM] /= 1000
    found[~((found >= EARLIEST) & (found <= LATEST))] = np.nan
    return found


def _from_wall_clocks(texts: Sequence[str], zone: str) -> Floats | None:
    """None where one of them is written otherwise, or is no time of the calendar."""
    lines = "\n".join((*texts, ""))
    if lines.count("\n") != len(texts) or not _WALL_CLOCKS(lines):
        return None
    try:
        ticks = np.array(texts, dtype="datetime64[us]").astype(np.int64)
    except ValueError:
        return None
    return ticks / _SECOND if zone == "utc" else _local(ticks)


def _local(ticks: NDArray[np.int64]) -> Floats:
    """Epoch seconds of microseconds by the clock on the wall."""
    seconds = ticks // _SECOND
    days, place = np.unique(seconds // _DAY, return_inverse=True)
    begins, ends = _offsets(days), _offsets(days + 1)
    found: Floats = (seconds + begins[place]) + (ticks - seconds * _SECOND) / _SECOND
    # Where the clock is changed on this day, or the year is the first or last, each time is looked at.
    uneven = np.flatnonzero((begins != ends)[place])
    found[uneven] = _one_by_one(np.datetime_as_string(ticks[uneven].astype("datetime64[us]")).tolist(), "iso", "local")
    return found


def _offsets(days: NDArray[np.int64]) -> Floats:
    """What the moment at which each day begins is behind or ahead of UTC, NaN beyond the calendar."""
    begins = np.datetime_as_string(days.astype("datetime64[D]"))
    return _one_by_one(begins.tolist(), "iso", "local") - days * _DAY
