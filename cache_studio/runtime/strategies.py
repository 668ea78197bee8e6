"""How a cache stands to the source of its values: who asks it, who writes it, and when."""

import atexit
import logging
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from cache_studio.model.errors import BadRequest, CacheStudioError

Loader = Callable[[str], Any]
"""Makes the value of a key."""
Writer = Callable[[str, Any], object]
"""Takes a key and its value into the source."""
RETRY_SECONDS = (0.1, 0.5, 2.0, 10.0)
"""How long a write behind waits after the source refused it, once more each time; then at the last pace."""
_log = logging.getLogger(__name__)


class CacheAside:
    """The application asks the cache, and on a miss the source, and puts. Every other strategy adds to this."""

    loader: Loader | None = None
    """Called by `get` on a miss."""
    ahead: float = 0.0
    """The share of its life that is left to an entry when the loader is called for the next one."""
    has_source: bool = False
    """Whether `write` brings values to a source."""

    def write(self, key: str, value: Any) -> None:
        """Called before a value is put; what it raises ends the put, and nothing is cached."""
        return None

    def flush(self) -> None:
        """Wait until the source has everything."""
        return None

    def close(self) -> None:
        """Wait until the source has everything, then end. Safe to call twice."""
        return None

    def begin_in_child(self) -> None:
        """In a forked child: what waits is the parent's to write."""
        return None


class ReadThrough(CacheAside):
    """A miss asks the source: `get` answers what `loader` makes, and keeps it."""

    def __init__(self, loader: Loader) -> None:
        self.loader = loader


class RefreshAhead(ReadThrough):
    """Read-through that also loads an entry anew before it ends, while the old value is given out.

    It begins at the first lookup in the last `share` of an entry's life, in a thread of the cache; a key that
    nobody asks for is not loaded. A loader that raises is logged, and the old value stays until its end.
    """

    def __init__(self, loader: Loader, share: float = 0.2) -> None:
        super().__init__(loader)
        if not 0 < share < 1:
            raise BadRequest("The share of a life is between 0 and 1.", "0.2 is the last fifth.")
        self.ahead = share


class WriteThrough(CacheAside):
    """A put goes to the source first, then into the cache; when the source refuses, nothing is cached."""

    has_source = True

    def __init__(self, writer: Writer, loader: Loader | None = None) -> None:
        self._writer = writer
        self.loader = loader

    def write(self, key: str, value: Any) -> None:
        """To the source, now."""
        self._writer(key, value)


class WriteBehind(CacheAside):
    """A put goes into the cache at once and to the source soon, by a thread, in order; the last value of a key wins.

    Nothing is lost on `close`, nor when a program ends that did not close. A process that is killed loses at
    most the `queue` values that were waiting, and the one that was being written. When `queue` values wait, a put
    waits, too. A source that refuses is asked again (RETRY_SECONDS) until it takes the value; `close` asks once
    more and then raises for what is left.
    """

    has_source = True

    def __init__(self, writer: Writer, loader: Loader | None = None, *, queue: int = 1000) -> None:
        if queue < 1:
            raise BadRequest("At least one value must be able to wait.", "Give a queue of 1 or more.")
        self._writer = writer
        self.loader = loader
        self._most = queue
        self._closed = False
        self._begin()

    def _begin(self) -> None:
        self._waiting: OrderedDict[str, Any] = OrderedDict()
        self._writing = False
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def begin_in_child(self) -> None:
        """In a forked child: what waits is the parent's to write."""
        self._begin()

    def write(self, key: str, value: Any) -> None:
        """To the queue; waits while that is full. BadRequest after `close`."""
        with self._changed:
            while len(self._waiting) >= self._most and key not in self._waiting and not self._closed:
                self._changed.wait()
            if self._closed:
                raise BadRequest("The cache is closed.", "Nothing is written behind any more.")
            self._waiting.pop(key, None)
            self._waiting[key] = value
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="cache-studio write-behind", daemon=True)
                self._thread.start()
                _writing_behind.add(self)
            self._changed.notify_all()

    @property
    def waiting(self) -> int:
        """How many values the source does not have yet."""
        with self._changed:
            return len(self._waiting) + self._writing

    def flush(self) -> None:
        """Wait until the source has everything that was put before."""
        with self._changed:
            self._changed.wait_for(lambda: not self._waiting and not self._writing)

    def close(self) -> None:
        """Write what waits, then end. CacheStudioError when the source still refuses, with how many it refused."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            thread, self._thread = self._thread, None
        if thread is not None:
            thread.join()
        _writing_behind.discard(self)
        with self._changed:
            refused = len(self._waiting)
            self._waiting.clear()
            self._changed.notify_all()
        if refused:
            raise CacheStudioError(f"{refused} values were not written: their source refused them.", "See the log.")

    def _work(self) -> None:
        failures = 0
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closed)
                if self._closed:
                    break
                key, value = self._waiting.popitem(last=False)
                self._writing = True
            written = self._try(key, value)
            failures = 0 if written else failures + 1
            with self._changed:
                self._writing = False
                if not written:
                    self._waiting.setdefault(key, value)
                    self._waiting.move_to_end(key, last=False)
                self._changed.notify_all()
                if not written:
                    pause = RETRY_SECONDS[min(failures, len(RETRY_SECONDS)) - 1]
                    self._changed.wait_for(lambda: self._closed, pause)
        for key in list(self._waiting):
            if self._try(key, self._waiting[key]):
                del self._waiting[key]

    def _try(self, key: str, value: Any) -> bool:
        try:
            self._writer(key, value)
        except Exception:  # the source is the application's: whatever it raises means that it did not take the value
            _log.warning("The source did not take “%s”; it will be asked again", key, exc_info=True)
            return False
        return True


_writing_behind: set[WriteBehind] = set()
"""Those that were not closed: what waits is written when the process ends."""


def _close_all() -> None:
    for strategy in list(_writing_behind):
        try:
            strategy.close()
        except CacheStudioError as error:
            _log.error("%s", error.message)


atexit.register(_close_all)
