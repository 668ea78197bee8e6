"""How long what a level of memory holds may be believed to be what is stored.

A slot carries the token under which it was read. When somebody else removed or replaced anything, the token
becomes another one and every slot is read again at its next lookup. A server that tells which key was changed
has that one dropped alone.
"""

import time
from collections.abc import Callable, Sequence

from cache_studio.adapters.key_access import KeyAccess, Listener, Place
from cache_studio.recording.generation import Generation

LOOK_SECONDS = 1.0
"""How often the generation number is looked at, and the longest time in which a removal arrives."""
STRIPES = 64


class Validity:
    """The present token of one cache. `token` and `look_at` are read by every lookup, without a lock."""

    def __init__(self, generation: Generation | None, servers: Sequence[KeyAccess], drop: Callable[[Place], None]):
        """`drop` is called from another thread with each place that a server says was changed."""
        self.token: object = object()
        self.look_at = -1.0
        """The moment of `time.perf_counter` from which `look` is due."""
        self._generation = generation
        self._servers = servers
        self._drop = drop
        self._seen = None if generation is None else generation.look()
        self._told = [0] * STRIPES
        self._listeners: list[Listener] | None = None

    def look(self) -> None:
        """See whether anything was changed outside; asks the generation number at most once a LOOK_SECONDS."""
        began = time.perf_counter()
        if began < self.look_at:
            return
        self.look_at = began + LOOK_SECONDS
        if self._listeners is None:
            self._listeners = [heard for server in self._servers if (heard := server.listen(self._heard)) is not None]
        if self._generation is not None and (found := self._generation.look()) != self._seen:
            self._seen, self.token = found, object()
        if len(self._listeners) < len(self._servers):
            self.token = object()  # a server that does not tell is believed for as long as a look lasts

    @property
    def is_shared(self) -> bool:
        """Whether others may hold in memory what is replaced here, and hear of it only by `changed_here`."""
        return self._generation is not None and self._generation.is_used

    def told(self, place: Place) -> int:
        """A number that changes when a server says that this place was changed: compare it around a reading."""
        return self._told[hash(place) % STRIPES]

    def changed_here(self) -> None:
        """This process removed or replaced something: the others must hear of it."""
        if self._generation is not None and (made := self._generation.bump()) is not None:
            self._seen = made

    def close(self) -> None:
        """Listen no more. Safe to call twice."""
        for listener in self._listeners or ():
            listener.close()
        self._listeners = []

    def begin_in_child(self) -> None:
        """In a forked child: whoever listened is not there."""
        self._listeners = None
        self.look_at = -1.0
        self.token = object()

    def _heard(self, place: Place | None) -> None:
        if place is None:
            self.token = object()
            return
        self._told[hash(place) % STRIPES] += 1
        self._drop(place)
