"""Counts and bytes of a view: the totals, the namespaces, and the facets beside the list."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cache_studio.model.columns import Mask, View

_STEP = 50_000
"""Entries that are added up at once."""


@dataclass(frozen=True, slots=True)
class Group:
    """Some entries with a name: how many, their bytes (known sizes only), and the stale ones among them."""

    name: str
    entries: int
    size: int
    stale: int
    stale_size: int
    sizes_unknown: int = 0

    @property
    def known_size(self) -> int | None:
        """The bytes, None when the size of none of the entries is known."""
        return None if self.sizes_unknown >= self.entries > 0 else self.size


@dataclass(frozen=True, slots=True)
class Totals:
    """What a view, or a part of it, holds at one moment. fresh + stale + forever + unknown = entries."""

    entries: int
    fresh: int
    stale: int
    forever: int
    unknown: int
    problems: int
    size: int
    """Bytes of the entries whose size is known."""
    stale_size: int
    sizes_unknown: int
    pending: int
    """Entries of which some figure is still to be read: counts are "at least" until this is 0."""

    @property
    def known_size(self) -> int | None:
        """The bytes, None when the size of none of the entries is known."""
        return None if self.sizes_unknown >= self.entries > 0 else self.size


def total(view: View, now: float, mask: Mask | None = None) -> Totals:
    """The totals of the entries in `mask` (all when None) at `now`."""
    chosen = view.alive if mask is None else mask & view.alive
    expires = view.numbers["expires"]
    sizes = view.numbers["size"]
    stale = chosen & (expires <= now)
    forever = chosen & (expires == np.inf)
    unknown = chosen & np.isnan(expires)
    entries, n_stale, n_forever, n_unknown = (int(part.sum()) for part in (chosen, stale, forever, unknown))
    return Totals(
        entries=entries,
        fresh=entries - n_stale - n_forever - n_unknown,
        stale=n_stale,
        forever=n_forever,
        unknown=n_unknown,
        problems=sum(1 for row in view.problems if row < view.n and chosen[row]),
        size=int(np.nansum(sizes[chosen])),
        stale_size=int(np.nansum(sizes[stale])),
        sizes_unknown=int((chosen & np.isnan(sizes)).sum()),
        pending=int((chosen & (view.pending != 0)).sum()),
    )


def by_namespace(view: View, now: float, mask: Mask | None = None) -> list[Group]:
    """One group a namespace that has entries, the biggest first."""
    return _grouped(view, now, view.namespace_codes, view.namespace_names, mask)


def by_type(view: View, now: float, mask: Mask | None = None) -> list[Group]:
    """One group a type, the biggest first."""
    return _grouped(view, now, view.type_codes, view.type_names, mask)


def by_tag(view: View, now: float, mask: Mask | None = None) -> list[Group]:
    """One group a tag, the most frequent first; an entry with two tags counts in both."""
    figures: dict[str, list[int]] = {}
    sets = _grouped(view, now, view.tag_codes, [str(code) for code in range(len(view.tag_sets))], mask)
    for group in sets:
        for tag in view.tag_sets[int(group.name)]:
            sums = figures.setdefault(tag, [0, 0, 0, 0, 0])
            parts = (group.entries, group.size, group.stale, group.stale_size, group.sizes_unknown)
            for position, value in enumerate(parts):
                sums[position] += value
    return sorted((Group(tag, *sums) for tag, sums in figures.items()), key=lambda group: (-group.entries, group.name))


def _grouped(view: View, now: float, codes: NDArray[np.int32], names: list[str], mask: Mask | None) -> list[Group]:
    chosen = view.alive & (codes >= 0) if mask is None else mask & view.alive & (codes >= 0)
    wanted = codes[chosen]
    unknown = np.isnan(view.numbers["size"][chosen])
    sizes = np.where(unknown, 0.0, view.numbers["size"][chosen])
    stale = (view.numbers["expires"][chosen] <= now).astype(np.float64)
    entries, *columns = _sums(wanted, len(names), (None, sizes, stale, sizes * stale, unknown))
    groups = [
        Group(names[code], int(entries[code]), *(int(column[code]) for column in columns))
        for code in np.flatnonzero(entries)
    ]
    return sorted(groups, key=lambda group: (-group.size, -group.entries, group.name))


def _sums(codes: NDArray[np.int32], count: int, weights: Sequence[NDArray[Any] | None]) -> list[NDArray[np.float64]]:
    """For each of the weights its sum for every code below `count`; None counts.

    In steps: one of a million entries keeps the interpreter from the window for milliseconds.
    """
    sums = [np.zeros(count) for _ in weights]
    step = max(_STEP, count)
    for start in range(0, codes.size, step):
        some = slice(start, start + step)
        for of, weight in zip(sums, weights, strict=True):
            of += np.bincount(codes[some], None if weight is None else weight[some], minlength=count)
    return sums


EXPIRY_EDGES = (
    60,
    300,
    900,
    3600,
    2 * 3600,
    4 * 3600,
    8 * 3600,
    12 * 3600,
    86_400,
    3 * 86_400,
    7 * 86_400,
    30 * 86_400,
)
"""Upper ends, in seconds from now, of the bars of "what expires when"; the last bar has no end."""


def expiry_histogram(view: View, now: float) -> tuple[int, ...]:
    """Counts of stale entries, then of those that expire up to each of EXPIRY_EDGES, then later; forever left out."""
    left = view.numbers["expires"][view.alive] - now
    left = left[np.isfinite(left)]
    bars = np.searchsorted(np.array([0.0, *EXPIRY_EDGES]), left, side="left")
    return tuple(int(count) for count in np.bincount(bars, minlength=len(EXPIRY_EDGES) + 2))
