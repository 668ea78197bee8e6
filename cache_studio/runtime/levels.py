"""The levels of memory: entries by place up to a capacity, as they are or compressed."""

import threading
import zlib
from collections.abc import Callable, Iterable
from dataclasses import replace

from cache_studio.adapters.key_access import Place
from cache_studio.runtime.eviction import new_order
from cache_studio.runtime.slots import Slot

MEMORY, COMPRESSED = "memory", "compressed"
"""What the levels of memory are called, in figures and in the recorder."""


class Shelf:
    """Entries by place, up to a capacity in entries and bytes; beyond it a policy says what goes.

    Lookups read `slots` and call `used` without a lock; every change takes the lock.
    """

    def __init__(self, name: str, capacity: int | None, policy: str, max_bytes: int | None = None) -> None:
        """Empty. None is no limit."""
        self.name = name
        self.capacity = capacity
        self.max_bytes = max_bytes
        self.policy = policy
        self.slots: dict[Place, Slot] = {}
        self.bytes = 0
        self._lock = threading.Lock()
        self._order = new_order(policy)
        self.used: Callable[[Place], None] = self._order.used
        """Tell the policy of a lookup."""

    def __len__(self) -> int:
        return len(self.slots)

    def put(self, place: Place, slot: Slot, now: float) -> list[Place]:
        """Take an entry in; the places that had to go for it, already gone here."""
        with self._lock:
            self._remove(place)
            self.slots[place] = slot
            self.bytes += slot.size
            self._order.added(place, slot)
            return self._make_room(now) if self._is_over() else []

    def drop(self, place: Place) -> Slot | None:
        """Remove an entry; what it was."""
        with self._lock:
            return self._remove(place)

    def drop_all(self) -> None:
        """Remove every entry."""
        with self._lock:
            for place in list(self.slots):
                self._remove(place)

    def load(self, entries: Iterable[tuple[Place, Slot]], now: float) -> list[Place]:
        """Take the place of what was known by what is; what is too much, as `put`."""
        with self._lock:
            for place in list(self.slots):
                self._remove(place)
            for place, slot in entries:
                self.slots[place] = slot
                self.bytes += slot.size
                self._order.added(place, slot)
            return self._make_room(now)

    def begin_in_child(self) -> None:
        """In a forked child: the lock may be held by a thread that is not there."""
        self._lock = threading.Lock()

    def _is_over(self) -> bool:
        over = self.capacity is not None and len(self.slots) > self.capacity
        return over or (self.max_bytes is not None and self.bytes > self.max_bytes)

    def _make_room(self, now: float) -> list[Place]:
        gone: list[Place] = []
        while self._is_over() and self.slots:
            place = self._order.next(now)
            self._remove(place)
            gone.append(place)
        return gone

    def _remove(self, place: Place) -> Slot | None:
        slot = self.slots.pop(place, None)
        if slot is not None:
            self.bytes -= slot.size
            self._order.removed(place)
        return slot


def compressed(slot: Slot) -> Slot:
    """The same entry with its bytes compressed; its size is what it takes then."""
    return Slot(replace(slot.held(), value=zlib.compress(slot.data, 1)), token=slot.token, stored=slot.stored)


def expanded(slot: Slot) -> Slot:
    """What `compressed` was made of."""
    return Slot(replace(slot.held(), value=zlib.decompress(slot.data)), token=slot.token, stored=slot.stored)
