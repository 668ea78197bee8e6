"""The levels of a cache, fastest first: lookups that promote, puts and removals that reach them all."""

import math
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from cache_studio.adapters.key_access import Held, KeyAccess, Known, Place
from cache_studio.model.globs import matcher
from cache_studio.runtime.levels import COMPRESSED, Shelf, compressed, expanded
from cache_studio.runtime.results import Freed, Removed
from cache_studio.runtime.slots import Slot
from cache_studio.runtime.stored import Stored
from cache_studio.runtime.validity import STRIPES, Validity


@dataclass(slots=True)
class Found:
    """The answer of a lookup: an entry or None, whether a stale one was met, and what each level said."""

    slot: Slot | None = None
    expired: bool = False
    asked: list[tuple[str, bool]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Early:
    """What was read for several places at once, and what was believed when that began."""

    held: Mapping[Place, Held]
    token: object
    told: Mapping[Place, int]


class Stack:
    """Shelves of memory over stored levels. One key is worked on by one thread of the process at a time."""

    def __init__(
        self,
        shelves: Sequence[Shelf],
        doors: Sequence[Stored],
        validity: Validity,
        evicted: Callable[[str, Place], None],
    ) -> None:
        """`evicted` is told of each entry that a level, named, let go for room."""
        self.shelves = shelves
        self.doors = doors
        self._validity = validity
        self._evicted = evicted
        self._locks = [threading.RLock() for _ in range(STRIPES)]

    def lock(self, place: Place) -> AbstractContextManager[bool]:
        """Held while an entry is read, promoted, stored or removed."""
        return self._locks[hash(place) % STRIPES]

    def find(self, place: Place, now: float, early: "Early | None" = None) -> Found:
        """Look in each level in turn; what is found low comes up, with what is left of its life, tags and all.

        `early` is what was read of the first stored level for several keys at once.
        """
        found = Found()
        with self.lock(place):
            for depth, shelf in enumerate(self.shelves):
                slot = self._on_shelf(shelf, place, now, found)
                if slot is not None:
                    found.slot = self._promoted(slot, place, now, depth)
                    return found
            token, told = self._validity.token, self._validity.told(place)
            if early is not None:
                token, told = early.token, early.told[place]
            for depth, door in enumerate(self.doors):
                held = door.get(place) if early is None or depth else early.held.get(place)
                if self._behind(door, place, now, held, found) and held is not None:
                    for upper in self.doors[:depth]:
                        self._let_go(upper, upper.put(place, held, now))
                    slot = Slot(held, token=token)
                    if self._validity.told(place) == told:
                        self._promoted(slot, place, now, len(self.shelves))
                    found.slot = slot
                    return found
            self._forget(place)
        return found

    def find_many(self, places: Sequence[Place], now: float) -> Iterator[tuple[Place, Found]]:
        """`find` for each place, with one round trip to the first stored level for all that memory does not hold."""
        early = self._read_early([place for place in places if not self._is_near(place, now)])
        for place in places:
            yield place, self.find(place, now, early if early is not None and place in early.told else None)

    def put(self, place: Place, held: Held, now: float, *, persist: bool = True) -> None:
        """Store on every level, below first. `persist` false: in memory alone."""
        with self.lock(place):
            token, told = self._validity.token, self._validity.told(place)
            replaced = bool(self.doors) and self._validity.is_shared and self.doors[0].access.holds(place[1], place[0])
            for door in self.doors:
                if persist:
                    self._let_go(door, door.put(place, held, now))
                else:
                    door.drop(place)
            slot = Slot(held, token=token, stored=persist and bool(self.doors))
            if self._validity.told(place) == told:
                self._promoted(slot, place, now, len(self.shelves))
            else:
                self._forget(place)
            if replaced:
                self._validity.changed_here()

    def drop(self, place: Place) -> bool:
        """Remove from every level; whether it was on any."""
        with self.lock(place):
            found = [shelf.drop(place) is not None for shelf in self.shelves]
            found += [door.drop(place) for door in self.doors]
            self._validity.changed_here()
            return any(found)

    def drop_like(self, pattern: str, namespace: str | None) -> int:
        """Remove the keys that a glob matches from every level; how many there were."""
        fits = matcher(pattern)

        def chosen(entry: Known) -> bool:
            return namespace in (None, entry.namespace) and fits(entry.key)

        if len(self.doors) != 1:
            return self.drop_chosen(chosen).entries
        door = self.doors[0]
        only_here = [entry.place for entry in self.in_memory() if chosen(entry)]
        unstored = {place for place in only_here for shelf in self.shelves if _is_unstored(shelf, place)}
        removed = door.access.delete_like(pattern, namespace)
        if door.index is not None:
            door.forget([place for place in list(door.index.slots) if namespace in (None, place[0]) and fits(place[1])])
        for place in only_here:
            self._forget(place, also_unstored=True)
        self._validity.changed_here()
        return removed + len(unstored)

    def drop_chosen(self, chosen: Callable[[Known], bool]) -> Freed:
        """Remove what is chosen from every level."""
        levels: dict[str, Removed] = {}
        places: set[Place] = set()
        for door in self.doors:
            sizes = {entry.place: entry.size for entry in door.known() if chosen(entry)}
            gone = door.drop_many(sizes)
            places.update(gone)
            levels[door.name] = Removed(len(gone), sum(sizes[place] for place in gone))
        for shelf in self.shelves:
            wanted = places | {entry.place for entry in _of_shelf(shelf) if chosen(entry)}
            slots = [slot for place in wanted if (slot := shelf.drop(place)) is not None]
            levels[shelf.name] = Removed(len(slots), sum(slot.size for slot in slots))
            places |= wanted
        self._validity.changed_here()
        return Freed(len(places), levels)

    def drop_stale(self, now: float) -> Freed:
        """Remove what is stale, unless it was renewed meanwhile."""
        levels: dict[str, Removed] = {}
        places: set[Place] = set()
        for shelf in self.shelves:
            stale = [place for place, slot in list(shelf.slots.items()) if not slot.is_fresh(now)]
            slots = [slot for place in stale if (slot := shelf.drop(place)) is not None]
            levels[shelf.name] = Removed(len(slots), sum(slot.size for slot in slots))
            places.update(stale)
        for door in self.doors:
            gone = door.access.discard_stale(now)
            door.forget([entry.place for entry in gone])
            levels[door.name] = Removed(len(gone), sum(entry.size for entry in gone))
            places.update(entry.place for entry in gone)
        if any(levels[door.name].entries for door in self.doors):
            self._validity.changed_here()
        return Freed(len(places), levels)

    def known(self) -> Iterator[Known]:
        """All entries, each once: of the stored levels, then of memory alone."""
        seen: set[Place] = set()
        for entries in (*(door.known() for door in self.doors), self.in_memory()):
            for entry in entries:
                if entry.place not in seen:
                    seen.add(entry.place)
                    yield entry

    def claiming_access(self) -> KeyAccess | None:
        """The door by which processes agree who loads a key; None where they cannot."""
        return next((door.access for door in self.doors if door.access.claims), None)

    def last_moment(self, now: float, ttl: float) -> float:
        """The first moment at which an entry of this TTL is stale: at its end, or where the layout says so after it."""
        lasting = ttl > 0 and any(door.access.keeps_last_moment for door in self.doors)
        return math.nextafter(now + ttl, math.inf) if lasting else now + ttl

    def begin_in_child(self) -> None:
        """In a forked child: locks may be held by threads that are not there."""
        self._locks = [threading.RLock() for _ in range(STRIPES)]
        for shelf in self.shelves:
            shelf.begin_in_child()
        for door in self.doors:
            door.begin_in_child()

    def _on_shelf(self, shelf: Shelf, place: Place, now: float, found: Found) -> Slot | None:
        slot = shelf.slots.get(place)
        if slot is not None and not slot.is_fresh(now):
            shelf.drop(place)
            found.expired = True
            slot = None
        if slot is not None and slot.stored and slot.token is not self._validity.token:
            slot = None  # what is stored may be another one now
        found.asked.append((shelf.name, slot is not None))
        if slot is None:
            return None
        slot.hits += 1
        slot.accessed = now
        slot.token = self._validity.token
        shelf.used(place)
        return expanded(slot) if shelf.name == COMPRESSED else slot

    def _behind(self, door: Stored, place: Place, now: float, held: Held | None, found: Found) -> bool:
        """Whether what a stored level holds may be given out."""
        if held is not None and held.expires is not None and held.expires <= now:
            door.discard(place, held)
            found.expired = True
            held = None
        found.asked.append((door.name, held is not None))
        if held is not None:
            door.used(place, now)
        return held is not None

    def _is_near(self, place: Place, now: float) -> bool:
        slots = (shelf.slots.get(place) for shelf in self.shelves)
        token = self._validity.token
        return any(s is not None and s.is_fresh(now) and (not s.stored or s.token is token) for s in slots)

    def _read_early(self, places: Sequence[Place]) -> "Early | None":
        if not self.doors or not places:
            return None
        token, told = self._validity.token, {place: self._validity.told(place) for place in places}
        held: dict[Place, Held] = {}
        for namespace in {place[0] for place in places}:
            keys = [key for space, key in places if space == namespace]
            found = self.doors[0].access.get_many(keys, namespace)
            held |= {(namespace, key): entry for key, entry in found.items()}
        return Early(held, token, told)

    def _promoted(self, slot: Slot, place: Place, now: float, depth: int) -> Slot:
        """The entry on the uppermost shelf, after it was put on all shelves above `depth`."""
        for shelf in self.shelves[:depth]:
            put = compressed(slot) if shelf.name == COMPRESSED else slot
            for gone in shelf.put(place, put, now):
                self._evicted(shelf.name, gone)
        return slot

    def _let_go(self, door: Stored, gone: list[Place]) -> None:
        """What a stored level let go for room leaves the levels of memory, too."""
        for place in gone:
            self._forget(place, also_unstored=True)
            self._evicted(door.name, place)

    def _forget(self, place: Place, *, also_unstored: bool = False) -> None:
        for shelf in self.shelves:
            slot = shelf.slots.get(place)
            if slot is not None and (slot.stored or also_unstored):
                shelf.drop(place)

    def in_memory(self) -> Iterator[Known]:
        for shelf in self.shelves:
            yield from _of_shelf(shelf)


def _of_shelf(shelf: Shelf) -> Iterator[Known]:
    for (namespace, key), slot in list(shelf.slots.items()):
        expires = None if slot.expires == math.inf else slot.expires
        yield Known(key, namespace, slot.size, slot.created, expires, slot.accessed, slot.hits, slot.tags)


def _is_unstored(shelf: Shelf, place: Place) -> bool:
    slot = shelf.slots.get(place)
    return slot is not None and not slot.stored
