"""Turns any number of changes into few: at most one call an interval, and fewer where a refresh is dear."""

from dataclasses import dataclass

SHORTEST = 0.05
"""Seconds between two calls: at most twenty a second."""
SETTLE = 0.02
"""Seconds that a first change waits for its companions: one write is several events."""
REST = 3.0
"""After a refresh that took t seconds the next one comes no sooner than REST * t later."""
MOST_NAMES = 5_000
"""More changed names than this are "everything": looking again is cheaper than looking at each."""


@dataclass(frozen=True, slots=True)
class Changed:
    """What changed: absolute paths, or everything (names were lost, or are too many)."""

    names: frozenset[str]
    everything: bool = False


class Throttle:
    """Collects changes of one place. Pure: whoever uses it brings the clock (seconds, monotonic) and the lock."""

    def __init__(self) -> None:
        self._names: set[str] = set()
        self._everything = False
        self._first = 0.0
        self._not_before = 0.0

    def add(self, name: str, now: float) -> None:
        """This name changed."""
        self._begin(now)
        if len(self._names) < MOST_NAMES:
            self._names.add(name)
        else:
            self._everything = True

    def add_everything(self, now: float) -> None:
        """Nobody knows what changed."""
        self._begin(now)
        self._everything = True

    def due_at(self) -> float | None:
        """When the next call is due; None while nothing changed."""
        if not self._names and not self._everything:
            return None
        return max(self._first + SETTLE, self._not_before)

    def take(self, now: float) -> Changed:
        """What to call with now; begins anew."""
        changed = Changed(frozenset() if self._everything else frozenset(self._names), self._everything)
        self._names, self._everything = set(), False
        self._not_before = now + SHORTEST
        return changed

    def took(self, seconds: float, now: float) -> None:
        """A refresh ended now and took so long."""
        self._not_before = max(self._not_before, now + REST * seconds)

    def _begin(self, now: float) -> None:
        if not self._names and not self._everything:
            self._first = now
