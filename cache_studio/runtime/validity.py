"""How long what a level of memory holds may be believed to be what is stored.

A slot carries the token under which it was read. When somebody else removed or replaced anything, the token
becomes another one and every slot is read again at its next lookup. A server that tells which key was changed
has that one dropped alone.
"""

import itertools
import threading
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
        # Every change gets a number of its own, so that two threads that note one cannot bring an old one back.
        self._numbers = itertools.count(1)
        self._changed = [0] * STRIPES
        self._changed_many = 0
        self._listeners: list[Listener] | None = None
        self._listening = threading.Lock()

    def look(self) -> None:
        """See whether anything was changed outside; asks the generation number at most once a LOOK_SECONDS."""
        began = time.perf_counter()
        if began < self.look_at:
            return
        self.look_at = began + LOOK_SECONDS
        if self._listeners is None:
            self._listen()
        if self._generation is not None and (found := self._generation.look()) != self._seen:
            self._seen, self.token = found, object()
        if len(self._listeners or ()) < len(self._servers):
            self.token = object()  # a server that does not tell is believed for as long as a look lasts

    @property
    def is_shared(self) -> bool:
        """Whether others may hold in memory what is replaced here, and hear of it only by `changed_here`."""
        return self._generation is not None and self._generation.is_used

    def told(self, place: Place) -> object:
        """What becomes another one when this place is changed, here or on a server: compare it around a reading."""
        return self._changed[hash(place) % STRIPES], self._changed_many

    def changing(self, place: Place) -> None:
        """This process changed what is stored of a place: what was read before must not be kept."""
        self._changed[hash(place) % STRIPES] = next(self._numbers)

    def changing_many(self) -> None:
        """The same for many places."""
        self._changed_many = next(self._numbers)

    def changed_here(self) -> None:
        """This process removed or replaced something: the others must hear of it."""
        if self._generation is not None and (made := self._generation.bump()) is not None:
            self._seen = made

    def close(self) -> None:
        """Listen no more. Safe to call twice."""
        with self._listening:
            listeners, self._listeners = self._listeners, []
        for listener in listeners or ():
            listener.close()

    def begin_in_child(self) -> None:
        """In a forked child: whoever listened is not there."""
        self._listening = threading.Lock()
        self._listeners = None
        self.look_at = -1.0
        self.token = object()

    def _listen(self) -> None:
        with self._listening:
            if self._listeners is None:
                told = (server.listen(self._heard) for server in self._servers)
                self._listeners = [listener for listener in told if listener is not None]
                self.token = object()  # what was changed before that was not heard of

    def _heard(self, place: Place | None) -> None:
        if place is None:
            self.token = object()
            return
        self.changing(place)
        self._drop(place)
