"""What the nodes of a cluster announce, behind one iterator: each tells of its own keys alone."""

import queue
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress

from cache_studio.adapters.redis_stream import ChangeStream
from cache_studio.model.errors import CacheStudioError, CacheUnavailable


class _End:
    """One of them ended."""


class ClusterEvents:
    """The events of all nodes. Iterate it in one thread; `stop` from any."""

    complete = False
    """A node that joins later, or takes the place of another, is not heard."""

    def __init__(self, nodes: Sequence[ChangeStream]) -> None:
        self._nodes = nodes
        self.hears_misses = all(node.hears_misses for node in nodes)
        self._heard: queue.SimpleQueue[frozenset[str] | CacheStudioError | _End | None] = queue.SimpleQueue()
        self._threads = [
            threading.Thread(target=self._hear, args=(events,), name="cache-studio redis node", daemon=True)
            for events in nodes
        ]

    def changes(self) -> Iterator[frozenset[str] | None]:
        """Names of changed keys, None where anything may have changed; blocks between. Ends after `stop`.

        Raises CacheUnavailable when the connection to one of the nodes breaks.
        """
        for thread in self._threads:
            thread.start()
        while not isinstance(heard := self._heard.get(), _End):
            if isinstance(heard, CacheStudioError):
                raise heard
            yield heard

    def stop(self) -> None:
        """End `changes`; from any thread, more than once."""
        self._heard.put(_End())
        for events in self._nodes:
            events.stop()

    def close(self) -> None:
        """Release everything, after `changes` has ended."""
        self.stop()
        for thread in self._threads:
            with suppress(RuntimeError):  # nobody asked for changes: it never began
                thread.join()
        for events in self._nodes:
            events.close()

    def _hear(self, events: ChangeStream) -> None:
        try:
            for names in events.changes():
                self._heard.put(names)
            self._heard.put(_End())
        except CacheUnavailable as error:
            self._heard.put(error)
