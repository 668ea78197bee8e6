"""A stored level: the door to a format, with an index of what lies there where a capacity limits it."""

import logging
import threading
import time
from collections.abc import Collection, Iterator, Mapping

from cache_studio.adapters.key_access import Held, KeyAccess, Known, Place
from cache_studio.model.errors import CacheUnavailable
from cache_studio.runtime.levels import Shelf
from cache_studio.runtime.slots import Slot

LIST_AGAIN_SECONDS = 30.0
"""How old an index may be before a put lists anew what other processes stored."""
LISTING_SHARE = 0.05
"""The most of the time that such listings may take."""
_log = logging.getLogger(__name__)


class Stored:
    """Entries behind a door. Beyond `capacity` entries or `max_bytes` bytes the policy says what goes.

    Other processes store and remove, too: what they stored is counted when the index is made anew, every
    LIST_AGAIN_SECONDS of putting, less often where listing is slow.
    """

    def __init__(self, access: KeyAccess, capacity: int | None, policy: str, max_bytes: int | None) -> None:
        self.access = access
        self.name = access.level
        self.index: Shelf | None = None
        if capacity is not None or max_bytes is not None:
            self.index = Shelf(self.name, capacity, policy, max_bytes)
        self._listing = threading.Lock()
        self._list_at = 0.0

    def get(self, place: Place) -> Held | None:
        """What is stored, stale or not."""
        return self.access.get(place[1], place[0])

    def put(self, place: Place, held: Held, now: float) -> list[Place]:
        """Store it; what is to go for it, by the name it is listed under and gone from the index: `evict` it then."""
        self.access.put(place[1], held, place[0])
        if self.index is None:
            return []
        gone = self.index.put(self.listed(place), _indexed(held, len(held.value)), now)
        return [old for old, _ in gone] + self.list_when_due(now)

    def evict(self, places: Collection[Place]) -> list[Place]:
        """Remove what had to go, but not what was put anew meanwhile; what went."""
        going = [place for place in places if self.index is None or place not in self.index.slots]
        if going:
            self.access.delete_many(going)
        return going

    def listed(self, place: Place) -> Place:
        """What `known` calls it."""
        return self.access.listed_as(place[1], place[0])

    def is_in(self, listed: Place, namespace: str) -> bool:
        """Whether what is listed so was put into this namespace, or may have been."""
        space, head = self.access.listed_as("", namespace)
        return listed[0] == space and listed[1].startswith(head)

    def used(self, place: Place, now: float) -> None:
        """A lookup found it here. An access that cannot be noted costs nothing else."""
        try:
            self.access.touch(place[1], place[0], now)
        except CacheUnavailable as error:
            _log.info("An access was not noted: %s", error.message)
        if self.index is not None and (slot := self.index.slots.get(listed := self.listed(place))) is not None:
            slot.hits += 1
            slot.accessed = now
            self.index.used(listed)

    def drop(self, place: Place) -> bool:
        """Remove it; whether it was there."""
        removed = self.access.delete(place[1], place[0])
        self.forget((self.listed(place),))
        return removed

    def discard(self, place: Place, seen: Held) -> bool:
        """Remove it if it is still what was seen; what cannot be removed stays."""
        try:
            removed = self.access.discard(place[1], seen, place[0])
        except CacheUnavailable as error:
            _log.info("A stale entry stays: %s", error.message)
            return False
        if removed:
            self.forget((self.listed(place),))
        return removed

    def drop_many(self, places: Collection[Place]) -> list[Place]:
        """Remove what is listed so; those that were there."""
        before = self.indexed(places)
        gone = self.access.delete_many(places)
        self.forget_if_same(before)
        return gone

    def indexed(self, places: Collection[Place] | None = None) -> dict[Place, Slot]:
        """What the index holds now of these places, or of all."""
        if self.index is None:
            return {}
        slots = dict(self.index.slots)
        return slots if places is None else {place: slots[place] for place in places if place in slots}

    def forget_if_same(self, before: Mapping[Place, Slot]) -> None:
        """These are not there any more, unless they were put anew since `indexed`.

        One that was removed after it was put anew stays in the index, until a lookup misses it; the other way
        around an entry would be there that no capacity counts.
        """
        if self.index is not None:
            for place, slot in before.items():
                self.index.drop(place, slot)

    def forget(self, places: Collection[Place]) -> None:
        """What is listed so is not there any more."""
        if self.index is not None:
            for place in places:
                self.index.drop(place)

    def known(self) -> Iterator[Known]:
        """All that is stored."""
        return self.access.known()

    def list_when_due(self, now: float) -> list[Place]:
        """Make the index anew where it is too old; what is over the limit, gone from the index: `evict` it then."""
        began = time.monotonic()
        if self.index is None or began < self._list_at or not self._listing.acquire(blocking=False):
            return []
        try:
            self.index.begin_listing()
            gone = self.index.load([(entry.place, figures(entry)) for entry in self.known()], now)
            took = time.monotonic() - began
            self._list_at = began + max(LIST_AGAIN_SECONDS, took / LISTING_SHARE)
            return [place for place, _ in gone]
        except CacheUnavailable as error:
            _log.info("What is stored cannot be listed now: %s", error.message)
            self._list_at = began + LIST_AGAIN_SECONDS
            return []
        finally:
            self._listing.release()

    def begin_in_child(self) -> None:
        """In a forked child: locks may be held by threads that are not there."""
        self._listing = threading.Lock()
        if self.index is not None:
            self.index.begin_in_child()


def _indexed(held: Held, size: int) -> Slot:
    """The figures of an entry without its bytes."""
    return Slot(Held(b"", held.created, held.expires, held.accessed, held.hits), size)


def figures(entry: Known) -> Slot:
    """What a policy goes by; a creation that is not recorded is older than everything."""
    created = entry.created if entry.created == entry.created else 0.0
    return _indexed(Held(b"", created, entry.expires, entry.accessed, entry.hits or 0), entry.size)
