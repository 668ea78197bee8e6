"""What a running cache learns of its keys: when they are asked for, and what to load before they are."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from heapq import heapify, heappop, heappush, nsmallest
from typing import Protocol

from cache_studio.adapters.key_access import Place
from cache_studio.insights.prediction import (
    DAY,
    HORIZON,
    LEAST_ACCESSES,
    BackTest,
    Rule,
    back_test,
    is_worth_prefetch,
    next_regular,
    regular_keys,
)
from cache_studio.runtime.statistics import Stats
from cache_studio.runtime.strategies import Loader

MOST_KEYS = 10_000
"""Keys whose accesses are kept; beyond them a tenth goes, those that were not asked for longest."""
MOST_ACCESSES = 64
"""Accesses that are kept of a key, the last ones."""
REST_SECONDS = 0.5
"""How often a prefetcher looks at what was learned, at most."""
MOST_LEAD = HORIZON - 1.0
"""How long before an access it is prefetched, at most: less than ten minutes."""
LOOK_SECONDS = 60.0
"""How long it sleeps while something is expected: clocks are set and machines are suspended."""
SECONDS_PER_MISS = 2.0
"""What a miss costs where nobody said or measured it (systems.md, S3)."""
_log = logging.getLogger(__name__)


class Patterns:
    """The accesses of each key in the last 24 hours, bounded; `note` from any thread."""

    def __init__(self, *, keys: int = MOST_KEYS, accesses: int = MOST_ACCESSES) -> None:
        """Keep so many keys, and of each so many accesses."""
        self._most_keys = keys
        self._most_accesses = accesses
        self._times: dict[Place, deque[float]] = {}
        self.follower: Callable[[Place], object] = _nobody
        """Called with each place that was asked for often enough to be predicted, by the thread that asked."""
        self.begin_in_child()

    def begin_in_child(self) -> None:
        """In a forked child: the lock may be held by a thread that is not there."""
        self._lock = threading.Lock()

    def note(self, place: Place, now: float) -> None:
        """This place was asked for, whether it was there or not."""
        times = self._times.get(place)
        if times is None:
            times = self._new(place)
        times.append(now)  # one call of C code, like the copies below: no lock is needed
        if len(times) >= LEAST_ACCESSES:
            self.follower(place)

    def times(self, place: Place) -> list[float]:
        """When a place was asked for, as far as it is kept, in ascending order."""
        return sorted(self._times.get(place, ()))  # a clock that went back mixes them up

    def known(self, now: float) -> dict[Place, list[float]]:
        """The accesses of the last 24 hours."""
        found = {}
        for place, kept in list(self._times.items()):
            times = sorted(at for at in tuple(kept) if now - DAY < at <= now)
            if times:
                found[place] = times
        return found

    def tracked(self, now: float) -> int:
        """How many keys were asked for in the last 24 hours, of those that are kept."""
        return sum(now - DAY < kept[-1] for kept in list(self._times.values()) if kept)

    def expected(self, now: float) -> dict[Place, float]:
        """The keys that are asked for regularly, and when each comes next; overdue ones are left out."""
        moments = ((place, next_regular(times, now)) for place, times in self.known(now).items())
        return {place: moment for place, moment in moments if moment is not None and moment >= now}

    def predicted(self, now: float, rule: Rule[Place] = regular_keys, horizon: float = HORIZON) -> Collection[Place]:
        """The keys that come within the horizon, as a rule of `insights.prediction` says."""
        return rule(self.known(now), now, horizon)

    def back_test(self, now: float, rule: Rule[Place] = regular_keys, horizon: float = HORIZON) -> BackTest:
        """What a rule would have been worth here in the last 24 hours. It takes long with many keys."""
        return back_test(((place, at) for place, times in self.known(now).items() for at in times), rule, horizon)

    def _new(self, place: Place) -> deque[float]:
        with self._lock:
            if place not in self._times and len(self._times) >= self._most_keys:
                last = {known: kept[-1] for known, kept in self._times.items() if kept}
                for known in nsmallest(max(1, self._most_keys // 10), last, key=last.__getitem__):
                    del self._times[known]
            return self._times.setdefault(place, deque(maxlen=self._most_accesses))


class Refilled(Protocol):
    """What a prefetcher needs of a cache. Neither call counts as a lookup."""

    ttl: float | None
    """Seconds that an entry lives; None is for ever."""

    def expires_at(self, place: Place) -> float | None:
        """When what is stored ends, +inf for never; None when nothing is."""

    def load_anew(self, place: Place, loader: Loader) -> object:
        """Put what the loader makes of the key in the place of what is stored; raises what the loader raises."""


class Prefetcher:
    """Loads what is regularly asked for shortly before it is asked for again. One thread a cache, begun when needed.

    Ten minutes before the expected access, or half the TTL where that is less, it looks whether the entry is
    absent, or will be stale by then, and loads it. It looks at a key once after an access, and no more often than
    each minute, or quarter of the TTL: one that nobody asks for any more is left alone. A loader that raises is
    logged and costs nothing else. Entries that live no time are not prefetched.
    """

    def __init__(
        self, cache: Refilled, loader: Loader, patterns: Patterns, clock: Callable[[], float] = time.time
    ) -> None:
        """Follow the patterns from now on."""
        self._cache = cache
        self._loader = loader
        self._patterns = patterns
        self._clock = clock
        self._lead = MOST_LEAD if cache.ttl is None else min(MOST_LEAD, cache.ttl / 2)
        self._spacing = min(LOOK_SECONDS, self._lead / 2)
        self._stopped = False
        self._begin()
        if self._lead > 0:
            patterns.follower = self._asked

    def _begin(self) -> None:
        self._lock = threading.Lock()
        self._changed: set[Place] = set()
        self._wake, self._end = threading.Event(), threading.Event()
        self._expected: dict[Place, float] = {}
        self._looked: dict[Place, float] = {}
        self._due: list[tuple[float, float, Place]] = []
        """When to look, what is expected then, and of which key; outdated ones are passed over."""
        self._thread: threading.Thread | None = None

    def begin_in_child(self) -> None:
        """In a forked child: the thread is the parent's."""
        self._begin()

    def stop(self) -> None:
        """Prefetch no more; waits for a load that has begun. Safe to call twice."""
        with self._lock:
            self._stopped = True
            thread = self._thread
        self._patterns.follower = _nobody
        self._end.set()
        self._wake.set()
        if thread is not None and thread is not threading.current_thread():
            thread.join()

    def _asked(self, place: Place) -> None:
        self._changed.add(place)
        if not self._wake.is_set():
            self._wake.set()
        if self._thread is None:
            with self._lock:
                if self._thread is None and not self._stopped:
                    self._thread = threading.Thread(target=self._work, name="cache-studio prefetch", daemon=True)
                    self._thread.start()

    def _work(self) -> None:
        while not self._end.is_set():
            self._wake.clear()
            self._learn(self._clock())
            while (place := self._next_due(self._clock())) is not None and not self._end.is_set():
                self._prefetch(place)
            if self._end.wait(REST_SECONDS):
                return
            self._wake.wait(self._pause())

    def _pause(self) -> float | None:
        """Seconds until something is due; None: until somebody asks for something."""
        return min(LOOK_SECONDS, max(0.0, self._due[0][0] - self._clock())) if self._due else None

    def _learn(self, now: float) -> None:
        """Expect anew what was asked for meanwhile."""
        for _ in range(len(self._changed)):
            place = self._changed.pop()
            moment = next_regular(self._patterns.times(place), now)
            if moment is None:
                self._expected.pop(place, None)
            else:
                self._expected[place] = moment
                heappush(self._due, self._look_at(place, moment, now))
        if len(self._looked) > MOST_KEYS:
            self._looked = {place: at for place, at in self._looked.items() if now - self._spacing < at <= now}
        if len(self._due) > 2 * len(self._expected) + 64:
            self._due = [self._look_at(place, moment, now) for place, moment in self._expected.items()]
            heapify(self._due)

    def _look_at(self, place: Place, moment: float, now: float) -> tuple[float, float, Place]:
        looked = self._looked.get(place, now)
        again = looked + self._spacing if looked < now else now  # a clock that went back starts anew
        return max(moment - self._lead, again), moment, place

    def _next_due(self, now: float) -> Place | None:
        while self._due and self._due[0][0] <= now:
            _, moment, place = heappop(self._due)
            if self._expected.get(place) == moment:
                return place
        return None

    def _prefetch(self, place: Place) -> None:
        moment, now = self._expected.pop(place), self._clock()
        self._looked[place] = now
        try:
            if is_worth_prefetch(self._patterns.times(place), now):
                ends = self._cache.expires_at(place)
                if ends is None or ends <= max(moment, now + self._spacing):
                    self._cache.load_anew(place, self._loader)
        except Exception:  # the loader is the application's: whatever it raises concerns one key
            _log.warning("“%s” was not loaded ahead", place[1], exc_info=True)


@dataclass(frozen=True, slots=True)
class Efficiency:
    """The efficiency report of systems.md (S3)."""

    statistics: Stats
    tracked_patterns: int
    """Keys that were asked for in the last 24 hours."""
    expected: Mapping[Place, float]
    """Keys that are asked for regularly, and when each comes next."""
    time_saved: float
    """Hits x seconds per miss."""
    seconds_per_miss: float
    efficiency_score: float | None
    """Hit rate x 100; None without lookups."""


def efficiency(statistics: Stats, patterns: Patterns, now: float) -> Efficiency:
    """The report of a cache with these figures and patterns."""
    given = statistics.seconds_per_miss
    seconds = SECONDS_PER_MISS if given is None else given
    saved = statistics.counted.hits * seconds
    score = statistics.efficiency_score
    return Efficiency(statistics, patterns.tracked(now), patterns.expected(now), saved, seconds, score)


def _nobody(_place: Place) -> None:
    return None
