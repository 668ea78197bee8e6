"""What a miss costs, measured where the cache runs the loader."""

import threading


class Costs:
    """Seconds of the loaders of one cache; any thread may note one."""

    def __init__(self, given: float | None) -> None:
        """`given` counts until a loader was measured."""
        self._given = given
        self._lock = threading.Lock()
        self._seconds = 0.0
        self._loads = 0

    def note(self, seconds: float) -> None:
        """A loader ran for so long."""
        with self._lock:
            self._seconds += seconds
            self._loads += 1

    def begin_in_child(self) -> None:
        """In a forked child: the lock may be held by a thread that is not there."""
        self._lock = threading.Lock()

    def per_miss(self) -> tuple[float | None, str | None]:
        """Mean seconds and where they come from: "measured", "given", or None for both."""
        with self._lock:
            if self._loads:
                return self._seconds / self._loads, "measured"
        return self._given, None if self._given is None else "given"
