"""The levels of a cache, fastest first: lookups that promote, puts and removals that reach them all.

One key is worked on by one thread at a time (`Stack.lock`). A removal of many keys takes no such lock: it empties
the stored levels, lowest first, then says so (`Validity.changing_many`), then empties memory. A lookup that read
before that does not keep what it read. What a stored level lets go for room is removed when no lock is held any
more, under the lock of the key that goes.
"""

import logging
import math
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, suppress
from dataclasses import dataclass, field
from typing import Any

from cache_studio.adapters.key_access import SERVER, Held, KeyAccess, Known, Place
from cache_studio.model.errors import CacheStudioError, CacheUnavailable
from cache_studio.model.globs import matcher
from cache_studio.runtime.levels import COMPRESSED, Shelf, compressed, expanded
from cache_studio.runtime.results import Freed, Removed
from cache_studio.runtime.slots import UNREAD, Slot
from cache_studio.runtime.stored import Stored
from cache_studio.runtime.validity import STRIPES, Validity

Going = list[tuple[Stored, Place]]
"""What stored levels let go for room, as it is listed there."""
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Found:
    """The answer of a lookup: an entry or None, whether a stale one was met, and what each level said."""

    slot: Slot | None = None
    expired: bool = False
    moved: bool = False
    """Whether levels of memory hold something else than before."""
    asked: list[tuple[str, bool]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Early:
    """What was read for several places at once, and what was believed when that began."""

    held: Mapping[Place, Held]
    token: object
    told: Mapping[Place, object]


@dataclass(frozen=True, slots=True)
class Dropped:
    """What a removal of chosen entries took out: where they were, as they are listed, and what each level lost."""

    places: set[Place]
    levels: dict[str, Removed]

    @property
    def freed(self) -> Freed:
        """Counts and bytes."""
        return Freed(len(self.places), self.levels)


class Stack:
    """Shelves of memory over stored levels."""

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

    def lock(self, place: Place) -> AbstractContextManager[bool]:
        """Held while an entry is read, promoted, stored or removed."""
        return self._locks[hash(place) % STRIPES]

    # Lookups ----------------------------------------------------------------------------------------------------

    def find(self, place: Place, now: float, early: "Early | None" = None) -> Found:
        """Look in each level in turn; what is found low comes up, with what is left of its life, tags and all.

        `early` is what was read of the first stored level for several keys at once.
        """
        found = Found()
        going: Going = []
        with self.lock(place):
            token, told = self._validity.token, self._validity.told(place)
            for depth, shelf in enumerate(self.shelves):
                slot = self._on_shelf(shelf, place, now, found)
                if slot is not None:
                    found.slot = slot
                    found.moved = self._promoted(slot, place, now, depth, told) or found.moved
                    return found
            if early is not None:
                token, told = early.token, early.told[place]
            for depth, door in enumerate(self.doors):
                held = door.get(place) if early is None or depth else early.held.get(place)
                if held is not None and self._is_good(door, place, now, held, found):
                    for upper in self.doors[:depth]:
                        going += self._brought_up(upper, door, place, held, now)
                    found.slot = slot = _used_now(Slot(held, token=token), now)
                    found.moved = self._promoted(slot, place, now, len(self.shelves), told) or found.moved
                    break
                found.asked.append((door.name, False))
                if held is None and (early is None or depth):
                    door.forget((door.listed(place),))
            else:
                found.moved = self._forget(place) or found.moved
        self._let_go(going)
        return found

    def find_many(self, places: Sequence[Place], now: float) -> Iterator[tuple[Place, Found]]:
        """`find` for each place, with one round trip to the first stored level for all that memory does not hold."""
        early = self._read_early([place for place in places if not self._is_near(place, now)])
        for place in places:
            yield place, self.find(place, now, early if early is not None and place in early.told else None)

    # Changes ----------------------------------------------------------------------------------------------------

    def put(self, place: Place, held: Held, now: float, *, persist: bool = True, value: Any = UNREAD) -> None:
        """Store on every level; `persist` false: in memory alone. `value` is what the bytes say, where that is known.

        When a stored level refuses, nothing is changed, or the entry is gone from the levels before it.
        """
        going: Going = []
        with self.lock(place):
            slot = Slot(held, token=self._validity.token, stored=persist and bool(self.doors))
            slot.value = value
            told = self._validity.told(place)
            replaced = bool(self.doors) and self._validity.is_shared and self.doors[0].access.holds(place[1], place[0])
            if persist:
                going = self._put_stored(place, held, now)
            else:
                self._drop_stored(place)
            self._promoted(slot, place, now, len(self.shelves), told if slot.stored else None)
            if slot.stored and self._validity.told(place) != told:
                self._forget(place, also_unstored=True)
            self._validity.changing(place)
            if replaced:
                self._validity.changed_here()
        self._let_go(going)

    def drop(self, place: Place) -> bool:
        """Remove from every level; whether it was on any. CacheUnavailable where one could not be reached."""
        found: list[bool] = []
        with self.lock(place):
            problem = self._from_doors(lambda door: found.append(door.drop(place)))
            self._validity.changing(place)
            slots = [shelf.drop(place) for shelf in self.shelves]
            found += [slot is not None and not slot.stored for slot in slots]
            self._validity.changed_here()
        if problem is not None:
            raise problem
        return any(found)

    def drop_like(self, pattern: str, namespace: str | None) -> int:
        """Remove the keys that a glob matches from every level; how many there were."""
        fits = matcher(pattern)

        def chosen(entry: Known) -> bool:
            name = entry.key if namespace is None else self.name_in(entry.place, namespace)
            return name is not None and fits(name)

        space, head = ("", "") if not self.doors else self.doors[0].access.listed_as("", namespace or "")
        if len(self.doors) != 1 or head:
            return len(self.drop_chosen(chosen).places)
        door = self.doors[0]
        removed, problem = 0, None
        try:
            removed = door.access.delete_like(pattern, None if namespace is None else space)
        except CacheUnavailable as error:
            problem = error
        if door.index is not None:
            door.forget([at for at in list(door.index.slots) if namespace in (None, at[0]) and fits(at[1])])
        self._validity.changing_many()
        unstored: set[Place] = set()
        for shelf in self.shelves:
            for place, slot, entry in self._on(shelf):
                if chosen(entry) and shelf.drop(place, slot) is not None and not slot.stored:
                    unstored.add(place)
        self._validity.changed_here()
        if problem is not None:
            raise problem
        return removed + len(unstored)

    def drop_chosen(self, chosen: Callable[[Known], bool]) -> Dropped:
        """Remove what is chosen from every level. CacheUnavailable where one could not be reached."""
        dropped = Dropped(set(), {})

        def empty(door: Stored) -> None:
            sizes = {entry.place: entry.size for entry in door.known() if chosen(entry)}
            gone = door.drop_many(sizes)
            dropped.places.update(gone)
            dropped.levels[door.name] = Removed(len(gone), sum(sizes[place] for place in gone))

        problem = self._from_doors(empty)
        self._validity.changing_many()
        stored = set(dropped.places)
        for shelf in self.shelves:
            wanted = [
                (p, slot, e) for p, slot, e in self._on(shelf) if (slot.stored and e.place in stored) or chosen(e)
            ]
            slots = [slot for place, slot, _ in wanted if shelf.drop(place, slot) is not None]
            dropped.levels[shelf.name] = Removed(len(slots), sum(slot.size for slot in slots))
            dropped.places.update(entry.place for _, slot, entry in wanted if not slot.stored)
        self._validity.changed_here()
        if problem is not None:
            raise problem
        return dropped

    def drop_stale(self, now: float) -> Freed:
        """Remove what is stale, unless it was renewed meanwhile."""
        levels: dict[str, Removed] = {}
        places: set[Place] = set()
        for shelf in self.shelves:
            stale = [(place, slot, entry) for place, slot, entry in self._on(shelf) if not slot.is_fresh(now)]
            slots = [slot for place, slot, _ in stale if shelf.drop(place, slot) is not None]
            levels[shelf.name] = Removed(len(slots), sum(slot.size for slot in slots))
            places.update(entry.place for _, slot, entry in stale if not slot.stored)

        def clean(door: Stored) -> None:
            gone = door.access.discard_stale(now)
            door.forget([entry.place for entry in gone])
            levels[door.name] = Removed(len(gone), sum(entry.size for entry in gone))
            places.update(entry.place for entry in gone)

        problem = self._from_doors(clean)
        if any(levels[door.name].entries for door in self.doors if door.name in levels):
            self._validity.changed_here()
        if problem is not None:
            raise problem
        return Freed(len(places), levels)

    def make_room(self, now: float) -> None:
        """Evict what is too much on stored levels that were filled before they were opened."""
        self._let_go([(door, listed) for door in self.doors for listed in door.list_when_due(now)])

    # What there is ----------------------------------------------------------------------------------------------

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

    def begin_in_child(self) -> None:
        """In a forked child: locks may be held by threads that are not there."""
        self._locks = [threading.RLock() for _ in range(STRIPES)]
        for shelf in self.shelves:
            shelf.begin_in_child()
        for door in self.doors:
            door.begin_in_child()

    # Inside -----------------------------------------------------------------------------------------------------

    def _on_shelf(self, shelf: Shelf, place: Place, now: float, found: Found) -> Slot | None:
        slot, token = shelf.slots.get(place), self._validity.token
        if slot is not None and slot.stored and slot.token is not token:
            slot = None  # what is stored may be another one now
        if slot is not None and not slot.is_fresh(now):
            shelf.drop(place, slot)
            found.expired = found.moved = True
            slot = None
        found.asked.append((shelf.name, slot is not None))
        if slot is None:
            return None
        slot.token = token
        _used_now(slot, now)
        shelf.used(place)
        return expanded(slot) if shelf.name == COMPRESSED else slot

    def _is_good(self, door: Stored, place: Place, now: float, held: Held, found: Found) -> bool:
        """Whether what a stored level holds may be given out."""
        if held.expires is not None and held.expires <= now:
            door.discard(place, held)
            found.expired = True
            return False
        found.asked.append((door.name, True))
        door.used(place, now)
        return True

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

    def _promoted(self, slot: Slot, place: Place, now: float, depth: int, told: object) -> bool:
        """Put an entry on all shelves above `depth`, unless it was changed since `told`; None is never."""
        valid = None if told is None else lambda: self._validity.told(place) == told
        for level, shelf in enumerate(self.shelves[:depth]):
            put = compressed(slot) if shelf.name == COMPRESSED else slot
            for gone, old in shelf.put(place, put, now, valid):
                others = (other.slots for at, other in enumerate(self.shelves) if at != level)
                coming = gone == place and level < depth - 1
                self._evicted(shelf.name, gone, not (old.stored or coming or any(gone in slots for slots in others)))
        return depth > 0

    def _brought_up(self, upper: Stored, door: Stored, place: Place, held: Held, now: float) -> Going:
        """Put what a lower level holds on an upper one, unless somebody removes it in the same moment."""
        try:
            gone = upper.put(place, held, now)
            if not door.access.holds(place[1], place[0]):
                upper.drop(place)
        except CacheStudioError as error:  # the lookup has its answer all the same
            _log.info("Not brought up: %s", error.message)
            return []
        return [(upper, listed) for listed in gone]

    def _put_stored(self, place: Place, held: Held, now: float) -> Going:
        going: Going = []
        for depth, door in enumerate(self.doors):
            try:
                going += ((door, listed) for listed in door.put(place, held, now))
            except CacheStudioError:
                for upper in self.doors[:depth]:
                    with suppress(CacheStudioError):
                        upper.drop(place)
                if depth:
                    self._forget(place, also_unstored=True)
                raise
        return going

    def _from_doors(self, remove: Callable[[Stored], object]) -> CacheUnavailable | None:
        """Remove from every stored level, lowest first; what one said that could not be reached."""
        problem: CacheUnavailable | None = None
        for door in reversed(self.doors):
            try:
                remove(door)
            except CacheUnavailable as error:
                problem = error
        return problem

    def _drop_stored(self, place: Place) -> None:
        """Of an entry that is to be in memory alone."""
        for door in reversed(self.doors):
            try:
                door.drop(place)
            except CacheUnavailable:
                if door.name != SERVER:
                    raise

    def _let_go(self, going: Sequence[tuple[Stored, Place]]) -> None:
        """Evict from stored levels, and from memory, what had to go for room; called with no lock held."""
        for door in self.doors:
            listed = [place for at, place in going if at is door]
            with ExitStack() as locked:
                for stripe in sorted({hash(place) % STRIPES for place in listed}):
                    locked.enter_context(self._locks[stripe])
                gone = door.evict(listed)
                for place in gone:
                    self._validity.changing(place)
                    self._forget(place, also_unstored=True)
            for place in gone:
                self._evicted(door.name, place, True)

    def _forget(self, place: Place, *, also_unstored: bool = False) -> bool:
        """Take what is stored, too, from the shelves; whether it was on any."""
        was_there = False
        for shelf in self.shelves:
            slot = shelf.slots.get(place)
            if slot is not None and (slot.stored or also_unstored):
                was_there = shelf.drop(place, slot) is not None or was_there
        return was_there

    def forget(self, place: Place) -> None:
        """A server says that it was changed: what memory holds of it is not what is stored any more."""
        self._forget(place)

    def _on(self, shelf: Shelf) -> Iterator[tuple[Place, Slot, Known]]:
        for place, slot in list(shelf.slots.items()):
            namespace, key = self.doors[0].listed(place) if self.doors else place
            expires = None if slot.expires == math.inf else slot.expires
            figures = slot.size, slot.created, expires, slot.accessed, slot.hits, slot.tags
            yield place, slot, Known(key, namespace, *figures)


def _used_now(slot: Slot, now: float) -> Slot:
    slot.hits += 1
    slot.accessed = now
    return slot
