"""Samples of a cache and what lies between two of them: hits per interval, never across a reset or a gap."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

from cache_studio.model.seeing import Scope, Source

GAP_INTERVALS = 3.0
"""Two samples further apart than so many intervals have a gap between them."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One reading of a cache. None is not recorded; counters run since the beginning of their epoch."""

    at: float
    """Epoch seconds."""
    hits: int | None = None
    misses: int | None = None
    source: Source | None = None
    scope: Scope | None = None
    epoch: str = ""
    """Changes when the counters began anew."""
    entries: int | None = None
    fresh: int | None = None
    stale: int | None = None
    forever: int | None = None
    unknown: int | None = None
    size: int | None = None
    stale_size: int | None = None
    volume: int | None = None
    reclaimable: int | None = None
    stored: int | None = None
    """Entries that were stored (or rewritten) since the previous sample."""
    removed: int | None = None
    """Entries that went since the previous sample, whoever removed them."""


@dataclass(frozen=True, slots=True)
class Interval:
    """What happened between two samples; hits and misses are None across a gap, a reset, or when not recorded."""

    start: float
    end: float
    hits: int | None
    misses: int | None
    stored: int | None
    removed: int | None

    @property
    def hit_rate(self) -> float | None:
        """From 0 to 1; None without lookups and where it is not known."""
        return hit_rate(self.hits, self.misses)


def hit_rate(hits: float | None, misses: float | None) -> float | None:
    """hits / (hits + misses), from 0 to 1; None without lookups or when one of them is not known."""
    if hits is None or misses is None or hits + misses <= 0:
        return None
    return hits / (hits + misses)


def between(before: Sample, after: Sample, every: float) -> Interval:
    """The interval between two samples of a cache that is sampled every `every` seconds."""
    hits = misses = None
    if not is_gap(before.at, after.at, every):
        hits, misses = growth(
            (before.hits, before.misses, before.epoch, before.source, before.scope),
            (after.hits, after.misses, after.epoch, after.source, after.scope),
        )
    return Interval(before.at, after.at, hits, misses, after.stored, after.removed)


def intervals(samples: Iterable[Sample], every: float) -> list[Interval]:
    """The intervals between samples in the order of time; one fewer than samples."""
    return [between(before, after, every) for before, after in pairwise(samples)]


def is_gap(before: float, after: float, every: float) -> bool:
    """Whether nothing was recorded for too long between two moments (or the clock was set back)."""
    return not 0 < after - before <= GAP_INTERVALS * every


Reading = tuple[int | None, int | None, str, str | None, str | None]
"""Hits, misses, epoch, source and scope of one sample."""


def growth(before: Reading, after: Reading) -> tuple[int | None, int | None]:
    """How far hits and misses grew; (None, None) when they began anew, shrank, or come from somewhere else."""
    if before[2:] != after[2:] or before[0] is None or before[1] is None or after[0] is None or after[1] is None:
        return None, None
    hits, misses = after[0] - before[0], after[1] - before[1]
    return (hits, misses) if hits >= 0 and misses >= 0 else (None, None)
