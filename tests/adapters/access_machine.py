"""Calls of a key access in any order, beside a dict that says what must be stored."""

import fnmatch
import itertools
import time
from collections.abc import Sequence
from typing import Protocol

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from cache_studio.adapters.key_access import Held, KeyAccess, Place
from cache_studio.model.targets import Target


class Suite(Protocol):
    """What the machine needs of an access contract."""

    namespaces: Sequence[str]
    keeps_tags: bool

    def open(self, target: Target) -> KeyAccess:
        """The door to a target."""

    def held(self, number: int, *, life: float | None = None, tags: tuple[str, ...] = ()) -> Held:
        """An entry, another for each number."""

    def listed(self, namespace: str) -> str:
        """What `known` calls a namespace."""

    def check_same(self, found: Held | None, put: Held) -> None:
        """Fail unless what was found is what was put."""


class AccessMachine(RuleBasedStateMachine):
    """Calls in any order; a dict says what must be stored after each."""

    keys = st.sampled_from(("a", "b", "a:b", "ü", "with space"))

    def __init__(self, suite: Suite, target: Target) -> None:
        super().__init__()
        self.suite = suite
        self.access = suite.open(target)
        self.target = target
        self.model: dict[Place, Held] = {}
        self.seen: dict[Place, tuple[Held, Held]] = {}
        self.numbers = itertools.count()
        self.spaces = st.sampled_from(tuple(suite.namespaces))

    def place(self, data: st.DataObject, key: str) -> Place:
        """A namespace for the key."""
        return data.draw(self.spaces), key

    @rule(data=st.data(), key=keys, life=st.sampled_from((None, 50.0, 5000.0)), tagged=st.booleans())
    def put(self, data: st.DataObject, key: str, life: float | None, tagged: bool) -> None:
        """A new value."""
        place = self.place(data, key)
        tags = ("x", "y") if tagged and self.suite.keeps_tags else ()
        held = self.suite.held(next(self.numbers), life=life, tags=tags)
        self.access.put(key, held, place[0])
        self.model[place] = held

    @rule(data=st.data(), key=keys)
    def look(self, data: st.DataObject, key: str) -> None:
        """Remember what is there, for a later discard."""
        place = self.place(data, key)
        found = self.access.get(key, place[0])
        assert (found is None) == (place not in self.model)
        if found is not None:
            self.seen[place] = found, self.model[place]

    @rule(data=st.data())
    def discard(self, data: st.DataObject) -> None:
        """Remove what was seen if it is still there."""
        if self.seen:
            place = data.draw(st.sampled_from(sorted(self.seen)))
            found, put = self.seen[place]
            same = self.model.get(place) is put
            assert self.access.discard(place[1], found, place[0]) == same
            if same:
                del self.model[place]

    @rule(data=st.data(), key=keys)
    def delete(self, data: st.DataObject, key: str) -> None:
        """Remove one."""
        place = self.place(data, key)
        assert self.access.delete(key, place[0]) == (self.model.pop(place, None) is not None)

    @rule(data=st.data(), chosen=st.sets(keys, max_size=4))
    def delete_many(self, data: st.DataObject, chosen: set[str]) -> None:
        """Remove some at once."""
        wanted = [self.place(data, key) for key in sorted(chosen)]
        assert sorted(self.access.delete_many(wanted)) == sorted(place for place in wanted if place in self.model)
        self.model = {place: held for place, held in self.model.items() if place not in wanted}

    @rule(data=st.data(), pattern=st.sampled_from(("a*", "?", "*:*", "absent")))
    def delete_like(self, data: st.DataObject, pattern: str) -> None:
        """Remove by a glob in one namespace."""
        space = data.draw(self.spaces)
        fits = [place for place in self.model if place[0] == space and fnmatch.fnmatchcase(place[1], pattern)]
        assert self.access.delete_like(pattern, space) == len(fits)
        self.model = {place: held for place, held in self.model.items() if place not in fits}

    @rule(data=st.data(), key=keys)
    def touch(self, data: st.DataObject, key: str) -> None:
        """Note an access."""
        self.access.touch(key, self.place(data, key)[0], time.time())

    @rule()
    def flush(self) -> None:
        """Write what waits."""
        self.access.flush()

    @rule()
    def reopen(self) -> None:
        """Close the door and open it again."""
        self.access.close()
        self.access = self.suite.open(self.target)

    @invariant()
    def everything_is_as_in_the_model(self) -> None:
        """What is known, held and read is what the dict says."""
        known = {(found.namespace, found.key): found for found in self.access.known()}
        assert set(known) == {(self.suite.listed(space), key) for space, key in self.model}
        for (space, key), held in self.model.items():
            self.suite.check_same(self.access.get(key, space), held)
            assert self.access.holds(key, space)

    def teardown(self) -> None:
        """Close the door."""
        self.access.close()
