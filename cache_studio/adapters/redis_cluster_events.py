"""What the nodes of a cluster announce, behind one iterator: each tells of its own keys alone."""

import queue
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress

from cache_studio.adapters.base import Announcements
from cache_studio.adapters.redis_cluster import ClusterLink
from cache_studio.adapters.redis_events import KeyEvents
from cache_studio.adapters.redis_link import Link
from cache_studio.model.errors import CacheStudioError, CacheUnavailable


def events_of(link: Link, prefix: str) -> Announcements:
    """What is announced of the keys behind a link."""
    if not isinstance(link, ClusterLink):
        return KeyEvents(link.place, prefix)
    found: list[KeyEvents] = []
    try:
        for node in link.nodes():
            found.append(KeyEvents(node.place, prefix))
    except BaseException:
        for events in found:
            events.close()
        raise
    return ClusterEvents(found)


class ClusterEvents:
    """The events of all nodes. Iterate it in one thread; `stop` from any."""

    complete = False
    """A node that joins later, or takes the place of another, is not heard."""

    def __init__(self, nodes: Sequence[KeyEvents]) -> None:
        self._nodes = nodes
        self._heard: queue.SimpleQueue[frozenset[str] | CacheStudioError | None] = queue.SimpleQueue()
        self._threads = [
            threading.Thread(target=self._hear, args=(events,), name="cache-studio redis node", daemon=True)
            for events in nodes
        ]

    def changes(self) -> Iterator[frozenset[str]]:
        """Names of changed keys; blocks between. Ends after `stop`.

        Raises CacheUnavailable when the connection to one of the nodes breaks.
        """
        for thread in self._threads:
            thread.start()
        while (heard := self._heard.get()) is not None:
            if isinstance(heard, CacheStudioError):
                raise heard
            yield heard

    def stop(self) -> None:
        """End `changes`; from any thread, more than once."""
        self._heard.put(None)
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

    def _hear(self, events: KeyEvents) -> None:
        try:
            for names in events.changes():
                self._heard.put(names)
            self._heard.put(None)
        except CacheUnavailable as error:
            self._heard.put(error)
