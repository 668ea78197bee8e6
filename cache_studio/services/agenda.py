"""What an attachment does next when nobody asks it for anything: list, apply changes, sample, or wait."""

import math
import time
from collections.abc import Collection
from enum import Enum, auto
from threading import Lock

RESCAN_SHARE = 10
"""A listing that took t seconds is repeated after 10 t at the earliest: a tenth of the thread's time."""
POLL_EVERY = 2.0
"""Seconds between two listings of a cache that cannot be watched."""
POLL_RARELY = 30.0
"""The same where the cache itself tells what changes."""
MOST_NAMES = 20_000
"""More changed names than this are "everything"."""
SETTLE = 0.05
"""Seconds between two listings of a cache that is watched, however quick they are."""


class Step(Enum):
    """The next piece of background work."""

    SCAN = auto()
    CHANGES = auto()
    SAMPLE = auto()
    NOTHING = auto()


class Agenda:
    """When which work is due. `note` and `refresh` may be called by any thread, the rest by the attachment's."""

    def __init__(self, sample_every: float) -> None:
        self._sample_every = sample_every
        self._lock = Lock()
        self._names: set[str] = set()
        self._everything = False
        self._asked = True
        self._scan_ended = -math.inf
        self._scan_cost = 0.0
        self._sample_at = 0.0
        self.polled = False
        """Whether the cache is listed anew from time to time because nothing can watch it."""
        self.poll_every = POLL_EVERY
        """Seconds between two such listings, at least."""

    def note(self, names: Collection[str] | None) -> None:
        """These files changed; None when it cannot be said which."""
        with self._lock:
            self._everything |= names is None
            self._names.update(names or ())
            if len(self._names) > MOST_NAMES:
                self._everything, self._names = True, set()

    def refresh(self) -> None:
        """Somebody asked for a new listing: it comes at once, also while paused."""
        with self._lock:
            self._asked = True
            self._sample_at = 0.0

    def next(self, paused: bool) -> Step:
        """What is due now."""
        now = time.monotonic()
        with self._lock:
            if self._asked:
                return Step.SCAN
            if paused:
                return Step.NOTHING
            if self._scan_at() <= now:
                return Step.SCAN
            if self._names and not self._everything:
                return Step.CHANGES
            return Step.SAMPLE if self._sample_at <= now else Step.NOTHING

    def delay(self, paused: bool) -> float | None:
        """Seconds until something may be due, None until somebody calls."""
        with self._lock:
            if paused:
                return None
            due = min(self._sample_at, self._scan_at())
            return None if math.isinf(due) else max(0.001, due - time.monotonic())

    def take_names(self) -> set[str]:
        """The changed names, which are forgotten here."""
        with self._lock:
            names, self._names = self._names, set()
            return names

    def scan_begins(self) -> None:
        """From here on a change means that the listing under way may be too old."""
        with self._lock:
            self._asked = self._everything = False
            self._names = set()

    def scan_ended(self, seconds: float) -> None:
        """A listing ended that took so many seconds of the thread."""
        with self._lock:
            self._scan_ended = time.monotonic()
            self._scan_cost = seconds

    def _scan_at(self) -> float:
        """When a listing is due, inf for none."""
        if self._everything:
            rest = SETTLE
        elif self.polled and not math.isinf(self._sample_every):
            rest = self.poll_every
        else:
            return math.inf
        return self._scan_ended + max(rest, RESCAN_SHARE * self._scan_cost)

    def sampled(self) -> None:
        """Volume and counters were read."""
        with self._lock:
            self._sample_at = time.monotonic() + self._sample_every
