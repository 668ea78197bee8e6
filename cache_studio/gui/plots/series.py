"""What charts need to know about their numbers: runs between gaps, ticks, labels, bins of expiry. No Qt here."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

_MINUTE, _HOUR, _DAY = 60.0, 3600.0, 86_400.0
_TIME_STEPS = (
    *(n * _MINUTE for n in (1, 2, 5, 10, 15, 30)),
    *(n * _HOUR for n in (1, 2, 3, 4, 6, 8, 12)),
    *(n * _DAY for n in (1, 2, 4, 7, 14, 30, 60, 90, 180, 365)),
)

EXPIRY_BOUNDS: tuple[float, ...] = (
    *(300.0, 1800.0, _HOUR, 2 * _HOUR, 4 * _HOUR, 6 * _HOUR, 8 * _HOUR, 12 * _HOUR, 18 * _HOUR, _DAY),
    *(7 * _DAY, math.inf),
)
"""Upper bounds in seconds of the bins of "what expires when"; the last one takes all later expiries."""


def runs(values: Floats) -> list[slice]:
    """The stretches of `values` without NaN, from left to right."""
    known = np.concatenate(([False], ~np.isnan(values), [False]))
    edges = np.flatnonzero(known[1:] != known[:-1])
    return [slice(int(start), int(end)) for start, end in zip(edges[::2], edges[1::2], strict=True)]


def spacing(times: Floats) -> float:
    """The usual distance between two times that lie next to each other: the middle one; 0 for fewer than two times."""
    between = np.sort(times[1:] - times[:-1])
    return float(between[len(between) // 2]) if len(between) else 0.0


def gaps(times: Floats, values: Floats, start: float, end: float) -> list[tuple[float, float]]:
    """Stretches of time in `start` to `end` where nothing is known, each from the last to the next known time.

    What is missing before the first and after the last known time counts only if it is longer than two intervals.
    """
    found = runs(values)
    if not found:
        return [(start, end)] if end > start else []
    slack = 2 * spacing(times)
    result = [(float(times[a.stop - 1]), float(times[b.start])) for a, b in pairwise(found)]
    first, last = float(times[found[0].start]), float(times[found[-1].stop - 1])
    if first - start > slack:
        result.insert(0, (start, first))
    if end - last > slack:
        result.append((last, end))
    return result


def nice_step(top: float, count: int) -> float:
    """A round step (1, 2, 2.5 or 5 times a power of ten) that cuts 0 to `top` into at most about `count` parts."""
    if not top > 0:
        return 1.0
    rough = top / max(1, count)
    power = 10.0 ** math.floor(math.log10(rough))
    return next((factor * power for factor in (1, 2, 2.5, 5) if factor * power >= rough), 10 * power)


def time_ticks(start: float, end: float, count: int) -> tuple[float, list[float]]:
    """A step in seconds and the round local times between `start` and `end` (epoch seconds), about `count` of them."""
    span = max(end - start, 1.0)
    step = next((s for s in _TIME_STEPS if span / s <= max(1, count)), _TIME_STEPS[-1])
    offset = datetime.fromtimestamp(end).astimezone().utcoffset()
    shift = offset.total_seconds() if offset else 0.0
    first = math.ceil((start + shift) / step)
    last = math.floor((end + shift) / step)
    return step, [number * step - shift for number in range(first, last + 1)]


def time_label(moment: float, step: float) -> str:
    """`"15:00"`, or `"20 Nov"` where ticks are days apart; local time."""
    local = datetime.fromtimestamp(moment)
    return f"{local.day} {local:%b}" if step >= _DAY else f"{local:%H:%M}"


def moment_label(moment: float, span: float) -> str:
    """A moment for the read-out: with seconds in short spans, with the day in long ones; local time."""
    local = datetime.fromtimestamp(moment)
    if span <= 2 * _HOUR:
        return f"{local:%H:%M:%S}"
    return f"{local:%H:%M}" if span <= _DAY else f"{local.day} {local:%b %H:%M}"


@dataclass(frozen=True, slots=True)
class Scale:
    """How figures are written: `label` on the axis (only the topmost tick has the unit), `words` in the read-out."""

    label: Callable[[float, float, bool], str]
    words: Callable[[float], str]
    steps: tuple[float, ...] = ()
    """Steps between ticks to be taken before computed ones, as long as 24 px lie between two."""


def percent_label(value: float, top: float, is_top: bool) -> str:
    """`"60 %"` for 60."""
    return f"{value:.0f} %"


def size_label(value: float, top: float, is_top: bool) -> str:
    """Bytes in the unit that suits `top`, named at the topmost tick only; 1000-based."""
    unit, divisor = next(
        ((u, d) for u, d in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)) if top >= d),
        ("B", 1.0),
    )
    return f"{value / divisor:g} {unit}" if is_top else f"{value / divisor:g}"


def count_label(value: float, top: float, is_top: bool) -> str:
    """`"2,000"`."""
    return f"{value:,.0f}" if value == round(value) else f"{value:,g}"


def rate_label(value: float, top: float, is_top: bool) -> str:
    """A count per minute without sign; `"100/min"` at the top."""
    return f"{abs(value):,g}/min" if is_top else f"{abs(value):,g}"


def expiry_counts(ttl: Floats) -> tuple[int, list[int]]:
    """(stale, counts for each of EXPIRY_BOUNDS) of TTLs in seconds; neither has forever (`inf`) and unknown (NaN)."""
    known = ttl[np.isfinite(ttl)]
    ahead = known[known > 0]
    places = np.searchsorted(np.array(EXPIRY_BOUNDS), ahead, side="right")
    counts = np.bincount(places, minlength=len(EXPIRY_BOUNDS))
    return int(len(known) - len(ahead)), [int(count) for count in counts[: len(EXPIRY_BOUNDS)]]


def bound_label(bound: float) -> str:
    """`"5 min"`, `"4 h"`, `"7 d"`; the last bin is "later"."""
    if bound == math.inf:
        return "later"
    for unit, seconds in (("d", _DAY), ("h", _HOUR), ("min", _MINUTE)):
        if bound >= seconds and (unit != "d" or bound > _DAY):
            return f"{bound / seconds:g} {unit}"
    return f"{bound:g} s"
