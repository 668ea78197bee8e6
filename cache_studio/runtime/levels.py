"""The levels of memory: entries by place up to a capacity, as they are or compressed."""

import threading
import zlib
from collections.abc import Callable, Iterable

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
        self._since: dict[Place, Slot | None] | None = None
        self._order = new_order(policy)
        self.used: Callable[[Place], None] = self._order.used
        """Tell the policy of a lookup."""

    def __len__(self) -> int:
        return len(self.slots)

    def put(
        self, place: Place, slot: Slot, now: float, valid: Callable[[], bool] | None = None
    ) -> list[tuple[Place, Slot]]:
        """Take an entry in, unless it is not `valid` any more; what had to go for it, already gone here.

        The others go before it: only an entry that is larger than the level goes itself, and alone.
        """
        with self._lock:
            if valid is not None and not valid():
                return []
            self._remove(place)
            if self.max_bytes is not None and slot.size > self.max_bytes:
                return [(place, slot)]
            gone = self._make_room(now, slot.size, 1) if self._is_over(slot.size, 1) else []
            self._add(place, slot)
            return gone

    def drop(self, place: Place, only: Slot | None = None) -> Slot | None:
        """Remove an entry, of whatever kind or only this one; what it was."""
        with self._lock:
            if only is not None and self.slots.get(place) is not only:
                return None
            return self._remove(place)

    def drop_all(self) -> None:
        """Remove every entry."""
        with self._lock:
            for place in list(self.slots):
                self._remove(place)

    def begin_listing(self) -> None:
        """What is put and dropped from now on is newer than what `load` will bring."""
        with self._lock:
            self._since = {}

    def load(self, entries: Iterable[tuple[Place, Slot]], now: float) -> list[tuple[Place, Slot]]:
        """Take the place of what was known by what is; what is too much, as `put`.

        Later accesses that are known here are kept, and what happened since `begin_listing`.
        """
        with self._lock:
            since, self._since = self._since or {}, None
            before = dict(self.slots)
            listed = {place: slot for place, slot in entries if place not in since}
            for place, slot in listed.items():
                if (known := before.get(place)) is not None:
                    slot.accessed, slot.hits = max(slot.accessed, known.accessed), max(slot.hits, known.hits)
            listed |= {place: slot for place, slot in since.items() if slot is not None}
            for place in before:
                self._remove(place)
            for place, slot in sorted(listed.items(), key=lambda entry: self._order.since(entry[1])):
                self._add(place, slot)
            return self._make_room(now)

    def begin_in_child(self) -> None:
        """In a forked child: the lock may be held by a thread that is not there."""
        self._lock = threading.Lock()
        self._since = None

    def _is_over(self, size: int = 0, count: int = 0) -> bool:
        over = self.capacity is not None and len(self.slots) + count > self.capacity
        return over or (self.max_bytes is not None and self.bytes + size > self.max_bytes)

    def _make_room(self, now: float, size: int = 0, count: int = 0) -> list[tuple[Place, Slot]]:
        gone: list[tuple[Place, Slot]] = []
        while self.slots and self._is_over(size, count):
            place = self._order.next(now)
            slot = self._remove(place)
            if slot is not None:
                gone.append((place, slot))
        return gone

    def _add(self, place: Place, slot: Slot) -> None:
        self.slots[place] = slot
        self.bytes += slot.size
        self._order.added(place, slot)
        if self._since is not None:
            self._since[place] = slot

    def _remove(self, place: Place) -> Slot | None:
        slot = self.slots.pop(place, None)
        if slot is not None:
            self.bytes -= slot.size
            self._order.removed(place)
        if self._since is not None:
            self._since[place] = None
        return slot


def compressed(slot: Slot) -> Slot:
    """The same entry with its bytes compressed; its size is what it takes then."""
    return Slot(slot.held()._replace(value=zlib.compress(slot.data, 1)), token=slot.token, stored=slot.stored)


def expanded(slot: Slot) -> Slot:
    """What `compressed` was made of."""
    return Slot(slot.held()._replace(value=zlib.decompress(slot.data)), token=slot.token, stored=slot.stored)
