"""Who follows what a running cache does, where it was asked for: patterns and prefetch, and the log of accesses."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from cache_studio.adapters.key_access import Place
from cache_studio.recording.access_log import AccessLog, Op, Result
from cache_studio.runtime.learning import Patterns, Prefetcher
from cache_studio.runtime.loading import Loads, Terms
from cache_studio.runtime.slots import Slot
from cache_studio.runtime.strategies import Loader


class Refill:
    """What a prefetcher needs of a cache; nothing of it counts as a lookup."""

    def __init__(self, ttl: float | None, look: Callable[[Place], Slot | None], loads: Loads) -> None:
        self.ttl = ttl
        self._look = look
        self._loads = loads

    def expires_at(self, place: Place) -> float | None:
        """When what is stored ends, +inf for never; None when nothing is."""
        slot = self._look(place)
        return None if slot is None else slot.expires

    def load_anew(self, place: Place, loader: Loader) -> Any:
        """Put what the loader makes of the key in the place of what is stored."""
        return self._loads.renew(place, partial(loader, place[1]), Terms())


class Following:
    """Patterns, prefetcher and access log of one cache; each may be missing."""

    def __init__(
        self,
        log: AccessLog | None,
        patterns: Patterns | None,
        prefetcher: Prefetcher | None,
        clock: Callable[[], float],
    ) -> None:
        self.patterns = patterns
        self._log = log
        self._prefetcher = prefetcher
        self._clock = clock

    def looked_up(self, place: Place, hit: bool, expired: bool, now: float, seconds: float) -> None:
        """A lookup was answered; `expired` where it met a stale entry."""
        if self.patterns is not None:
            self.patterns.note(place, now)
        if self._log is not None:
            result = Result.HIT if hit else Result.EXPIRED if expired else Result.MISS
            self._log.note(now, Op.GET, result, *place, seconds=seconds)

    def stored(self, place: Place, size: int, ttl: float | None, now: float) -> None:
        """A value was put; `ttl` None is for ever."""
        if self._log is not None:
            self._log.note(now, Op.PUT, Result.NONE, *place, size=size, ttl=float("inf") if ttl is None else ttl)

    def removed(self, place: Place) -> None:
        """A key was invalidated."""
        if self._log is not None:
            self._log.note(self._clock(), Op.DELETE, Result.NONE, *place)

    def flush(self) -> None:
        """Write what waits."""
        if self._log is not None:
            self._log.flush()

    def close(self) -> None:
        """Follow no more. Safe to call twice."""
        if self._prefetcher is not None:
            self._prefetcher.stop()
        if self._log is not None:
            self._log.close()

    def begin_in_child(self) -> None:
        """In a forked child: threads and locks are the parent's. The log sees to itself."""
        if self.patterns is not None:
            self.patterns.begin_in_child()
        if self._prefetcher is not None:
            self._prefetcher.begin_in_child()


def follow(
    refill: Refill,
    clock: Callable[[], float],
    *,
    learning: bool,
    prefetch: Loader | None,
    log_path: Path | None,
    hash_keys: bool,
) -> Following:
    """What was asked for: `prefetch` learns, too; the log lies at `log_path`, None for none."""
    patterns = Patterns() if learning or prefetch is not None else None
    prefetcher = None
    if patterns is not None and prefetch is not None:
        prefetcher = Prefetcher(refill, prefetch, patterns, clock)
    log = None if log_path is None else AccessLog(log_path, hashed=hash_keys)
    return Following(log, patterns, prefetcher, clock)
