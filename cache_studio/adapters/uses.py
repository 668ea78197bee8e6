"""Uses of entries that wait in memory until they are written together."""

import math
import threading
import time

from cache_studio.adapters.key_access import Place

WRITE_SECONDS = 30.0
"""How long a use may be in memory only: what a killed process loses at most."""
MOST = 20_000
"""Entries whose uses wait; the writing of so many takes a tenth of a second."""

UNUSED = (0, -math.inf)
"""Of an entry whose uses do not wait."""


class Uses:
    """How often and when last each entry was used since uses were last written. For many threads."""

    def __init__(self) -> None:
        self.begin_in_child()

    def begin_in_child(self) -> None:
        """Nothing waits; in a forked child what waited is the parent's."""
        self._lock = threading.Lock()
        self._waiting: dict[Place, tuple[int, float]] = {}
        self._write_at = math.inf

    def note(self, place: Place, accessed: float) -> None:
        """One more use. Beyond MOST entries that cannot be written it is forgotten."""
        with self._lock:
            waiting = self._waiting
            if not waiting:
                self._write_at = time.monotonic() + WRITE_SECONDS
            count, last = waiting.get(place, (0, accessed))
            if count or len(waiting) < MOST:
                waiting[place] = count + 1, max(last, accessed)
                if not count and len(waiting) == MOST:
                    self._write_at = 0.0

    def of(self, place: Place) -> tuple[int, float]:
        """What waits for an entry: uses, and the last of them; 0 and minus infinity where none does."""
        return self._waiting.get(place, UNUSED)

    def forget(self, place: Place) -> None:
        """The entry was replaced or removed."""
        if self._waiting:
            with self._lock:
                self._waiting.pop(place, None)

    @property
    def are_due(self) -> bool:
        """Whether they wait for long enough, or are MOST."""
        return bool(self._waiting) and time.monotonic() >= self._write_at

    def take(self) -> dict[Place, tuple[int, float]]:
        """What waits, to be written now."""
        with self._lock:
            taken, self._waiting = self._waiting, {}
            return taken

    def give_back(self, taken: dict[Place, tuple[int, float]]) -> None:
        """It could not be written: it waits as long again."""
        with self._lock:
            for place, (count, last) in self._waiting.items():
                before, earlier = taken.get(place, (0, last))
                taken[place] = before + count, max(earlier, last)
            self._waiting = taken
            self._write_at = time.monotonic() + WRITE_SECONDS
