"""Counts what a running cache does, to the last lookup, from any thread; a recorder writes the sums at leisure.

A hit of the first level is one `append` to a list (a *tape*), atomic without a lock, so that a hundred
threads do not wait for each other. Everything else is counted under a lock.
"""

import os
import threading
import time
import weakref
from collections.abc import Callable
from enum import StrEnum

from cache_studio.recording.counts import COUNTERS, OTHERS, WIDTH, Fill, Row, Tally

MOST_PLACES = 300
"""Namespaces times levels that are counted apart; the others are counted together."""
LONGEST_TAPE = 4_096
"""Hits on a tape before whoever appends one has it summed up."""
EXPIRED = "expired"
"""The reason of a miss that found a stale entry."""
_HITS, _MISSES, _EXPIRATIONS = map(COUNTERS.index, ("hits", "misses", "expirations"))
_SECONDS = WIDTH - 1


class Event(StrEnum):
    """What else is counted, by the name of its counter."""

    PUT = "puts"
    EVICTION = "evictions"
    EXPIRATION = "expirations"


class Meter:
    """The counters of this process for one cache. A forked child counts for itself, from nothing."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self.wake: Callable[[], object] = _nobody
        """Called at the first count since `settled`; a recorder puts itself here."""
        self.pending = False
        """Whether something was counted since `settled`."""
        self._begin()
        _meters.add(self)

    def _begin(self) -> None:
        self._lock = threading.Lock()
        self._tally = Tally()
        self._tapes: dict[tuple[str, str], list[float]] = {}
        self.pending = False

    def begin_in_child(self) -> None:
        """In a forked child: what was counted is the parent's."""
        for tape in self._tapes.values():
            tape.clear()
        tapes = self._tapes
        self._begin()
        self._tapes = tapes  # whoever holds a tape goes on with it

    def tape(self, namespace: str, level: str) -> list[float]:
        """Where hits of a level are noted: append the seconds of each, then call `noted` if not `pending`.

        Also call `settle` when it has grown to LONGEST_TAPE. A hit on a named level counts for the whole, too.
        """
        with self._lock:
            if (namespace, level) not in self._tapes and len(self._tapes) >= MOST_PLACES:
                namespace = OTHERS
            return self._tapes.setdefault((namespace, level), [])

    def noted(self) -> None:
        """Something was appended to a tape."""
        self.pending = True
        self.wake()

    def settle(self) -> None:
        """Sum up the tapes."""
        with self._lock:
            self._sum_up()

    def count(self, namespace: str, level: str, hit: bool, seconds: float = 0.0, reason: str = "") -> None:
        """Count one lookup and how long it took.

        Level "" is the cache as a whole: a cache of several levels counts each level that was asked, and
        the lookup as a whole once. `reason` EXPIRED says that the miss found a stale entry.
        """
        with self._lock:
            row = self._row(namespace, level)
            row[_HITS if hit else _MISSES] += 1
            row[_SECONDS] += seconds
            if reason == EXPIRED:
                row[_EXPIRATIONS] += 1
        if not self.pending:
            self.noted()

    def happened(self, namespace: str, level: str, event: Event, times: int = 1) -> None:
        """Count entries that were put, evicted or expired."""
        with self._lock:
            self._row(namespace, level)[COUNTERS.index(event)] += times
        if not self.pending:
            self.noted()

    def set_level(self, level: str, entries: int | None, bytes: int | None, *, shared: bool = False) -> None:
        """Say how full a level is now; `shared` when all processes see the same (a disk), not each its own (memory)."""
        with self._lock:
            self._tally.fills[level] = Fill(entries, bytes, shared, self._clock())
        if not self.pending:
            self.noted()

    def settled(self) -> Tally:
        """All counts of this process, `pending` no more: what comes after wakes the recorder again."""
        self.pending = False
        return self.tally()

    def tally(self) -> Tally:
        """All counts of this process: an independent copy."""
        with self._lock:
            self._sum_up()
            return self._tally.copy()

    def _row(self, namespace: str, level: str) -> Row:
        rows = self._tally.rows
        row = rows.get((namespace, level))
        if row is None:
            if len(rows) >= MOST_PLACES:
                namespace = OTHERS
            row = rows.setdefault((namespace, level), [0.0] * WIDTH)
        return row

    def _sum_up(self) -> None:
        for (namespace, level), tape in self._tapes.items():
            hits = len(tape)
            if not hits:
                continue
            seconds = sum(tape[:hits])
            del tape[:hits]  # what was appended meanwhile stays
            for name in {level, ""}:
                row = self._row(namespace, name)
                row[_HITS] += hits
                row[_SECONDS] += seconds


def _nobody() -> None:
    return None


_meters: weakref.WeakSet[Meter] = weakref.WeakSet()


def _begin_again() -> None:
    for meter in list(_meters):
        meter.begin_in_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_again)
