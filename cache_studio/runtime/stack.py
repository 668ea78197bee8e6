"""Lookups in the levels of a cache, which promote what they find, and puts on all of them."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from cache_studio.adapters.key_access import SERVER, Held, Place
from cache_studio.model.errors import CacheStudioError, CacheUnavailable
from cache_studio.runtime.emptying import Emptying, Going
from cache_studio.runtime.levels import COMPRESSED, Shelf, compressed, expanded
from cache_studio.runtime.slots import UNREAD, Slot
from cache_studio.runtime.stored import Stored

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


class Stack(Emptying):
    """The levels as lookups and puts see them: what a lookup finds low comes up, and a put reaches all."""

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

    def look(self, place: Place, now: float) -> Slot | None:
        """What a lookup would find; nothing is noted, brought up or removed."""
        token = self._validity.token
        with self.lock(place):
            for shelf in self.shelves:
                slot = shelf.slots.get(place)
                if slot is not None and slot.is_fresh(now) and (slot.token is token or not slot.stored):
                    return expanded(slot) if shelf.name == COMPRESSED else slot
            for door in self.doors:
                held = door.get(place)
                if held is not None and (held.expires is None or held.expires > now):
                    return Slot(held, token=token)
        return None

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

    def _drop_stored(self, place: Place) -> None:
        """Of an entry that is to be in memory alone."""
        for door in reversed(self.doors):
            try:
                door.drop(place)
            except CacheUnavailable:
                if door.name != SERVER:
                    raise


def _used_now(slot: Slot, now: float) -> Slot:
    slot.hits += 1
    slot.accessed = now
    return slot
