"""Removals from the levels of a cache.

A removal of many keys takes no lock of a key: it empties the stored levels, lowest first, then says so
(`Validity.changing_many`), then empties memory. A lookup that read before that does not keep what it read. What a
level lets go for room is removed when no lock is held any more, under the lock of the key that goes.
"""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from cache_studio.adapters.key_access import Known, Place
from cache_studio.model.errors import CacheUnavailable
from cache_studio.model.globs import matcher
from cache_studio.runtime.results import Freed, Removed
from cache_studio.runtime.stored import Stored
from cache_studio.runtime.tiers import Tiers
from cache_studio.runtime.validity import STRIPES

Going = list[tuple[Stored, Place]]
"""What stored levels let go for room, as it is listed there."""


@dataclass(frozen=True, slots=True)
class Dropped:
    """What a removal of chosen entries took out: where they were, as they are listed, and what each level lost."""

    places: set[Place]
    levels: dict[str, Removed]

    @property
    def freed(self) -> Freed:
        """Counts and bytes."""
        return Freed(len(self.places), self.levels)


class Emptying(Tiers):
    """Levels that lose entries. Who removes is told (CacheUnavailable) of a level that could not be reached.

    The others are emptied all the same, and other processes hear of it.
    """

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
        indexed = {
            at: slot for at, slot in door.indexed().items() if (namespace is None or at[0] == space) and fits(at[1])
        }
        try:
            removed = door.access.delete_like(pattern, None if namespace is None else space)
        except CacheUnavailable as error:
            problem = error
        door.forget_if_same(indexed)
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
            indexed = door.indexed()
            gone = door.access.discard_stale(now)
            door.forget_if_same({entry.place: indexed[entry.place] for entry in gone if entry.place in indexed})
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

    def _from_doors(self, remove: Callable[[Stored], object]) -> CacheUnavailable | None:
        """Remove from every stored level, lowest first; what one said that could not be reached."""
        problem: CacheUnavailable | None = None
        for door in reversed(self.doors):
            try:
                remove(door)
            except CacheUnavailable as error:
                problem = error
        return problem

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
