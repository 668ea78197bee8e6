"""The levels of a cache, fastest first: shelves of memory over stored levels, and what they hold."""

import math
import os
import threading
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager

from cache_studio.adapters.key_access import KeyAccess, Known, Place
from cache_studio.runtime.levels import Shelf
from cache_studio.runtime.slots import Slot
from cache_studio.runtime.stored import Stored
from cache_studio.runtime.validity import STRIPES, Validity


class Tiers:
    """Shelves of memory over stored levels. One key is worked on by one thread at a time (`lock`)."""

    def __init__(
        self,
        shelves: Sequence[Shelf],
        doors: Sequence[Stored],
        validity: Validity,
        evicted: Callable[[str, Place, bool], None],
    ) -> None:
        """`evicted` is told of each entry that a level, named, let go for room, and whether it is on none now."""
        self.shelves = shelves
        self.doors = doors
        self._validity = validity
        self._evicted = evicted
        self._locks = [threading.RLock() for _ in range(STRIPES)]
        _all.add(self)

    def lock(self, place: Place) -> AbstractContextManager[bool]:
        """Held while an entry is read, promoted, stored or removed."""
        return self._locks[hash(place) % STRIPES]

    def known(self) -> Iterator[Known]:
        """All entries, each once: of the stored levels, then of memory alone."""
        seen: set[Place] = set()
        for entries in (*(door.known() for door in self.doors), self.only_in_memory()):
            for entry in entries:
                if entry.place not in seen:
                    seen.add(entry.place)
                    yield entry

    def only_in_memory(self) -> Iterator[Known]:
        """What no stored level holds, as the first of them would list it."""
        return (entry for shelf in self.shelves for _, slot, entry in self._on(shelf) if not slot.stored)

    def name_in(self, listed: Place, namespace: str) -> str | None:
        """The key in this namespace of what is listed so; None when it is not in it."""
        for space, head in {door.access.listed_as("", namespace) for door in self.doors} or {(namespace, "")}:
            if listed[0] == space and listed[1].startswith(head):
                return listed[1][len(head) :]
        return None

    def claiming_access(self) -> KeyAccess | None:
        """The door by which processes agree who loads a key; None where they cannot."""
        return next((door.access for door in self.doors if door.access.claims), None)

    def last_moment(self, now: float, ttl: float) -> float:
        """The first moment at which an entry of this TTL is stale: at its end, or where the layout says so after it."""
        lasting = ttl > 0 and any(door.access.keeps_last_moment for door in self.doors)
        return math.nextafter(now + ttl, math.inf) if lasting else now + ttl

    def forget(self, place: Place) -> None:
        """A server says that it was changed: what memory holds of it is not what is stored any more."""
        self._forget(place)

    def begin_in_child(self) -> None:
        """In a forked child: locks may be held by threads that are not there."""
        self._locks = [threading.RLock() for _ in range(STRIPES)]
        for shelf in self.shelves:
            shelf.begin_in_child()
        for door in self.doors:
            door.begin_in_child()

    def begin_fork(self) -> None:
        """Before a fork: wait until no thread is at work on a key, so that no door's lock is held in the child."""
        for lock in self._locks:
            lock.acquire()

    def end_fork(self) -> None:
        """In the parent, after it: they may go on."""
        for lock in self._locks:
            lock.release()

    def _forget(self, place: Place, *, also_unstored: bool = False) -> bool:
        """Take what is stored, too, from the shelves; whether it was on any."""
        was_there = False
        for shelf in self.shelves:
            slot = shelf.slots.get(place)
            if slot is not None and (slot.stored or also_unstored):
                was_there = shelf.drop(place, slot) is not None or was_there
        return was_there

    def _on(self, shelf: Shelf) -> Iterator[tuple[Place, Slot, Known]]:
        for place, slot in list(shelf.slots.items()):
            namespace, key = self.doors[0].listed(place) if self.doors else place
            expires = None if slot.expires == math.inf else slot.expires
            figures = slot.size, slot.created, expires, slot.accessed, slot.hits, slot.tags
            yield place, slot, Known(key, namespace, *figures)


_all: weakref.WeakSet[Tiers] = weakref.WeakSet()
_forking = threading.local()


def _before_fork() -> None:
    # In one order, should two threads fork at once.
    _forking.held = sorted((tiers for tiers in _all if tiers.doors), key=id)
    for tiers in _forking.held:
        tiers.begin_fork()


def _after_fork() -> None:
    for tiers in _forking.held:
        tiers.end_fork()
    _forking.held = []


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork)
