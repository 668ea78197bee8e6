"""A cache of several levels behaves like a dict with TTL, tags and namespaces, and counts what it did."""

import shutil
import tempfile
from dataclasses import dataclass
from fnmatch import fnmatchcase

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from cache_studio.runtime import Cache

TTL = 100.0
KEYS = st.sampled_from(["a", "b", "ab", "abc", "b:1"])
VALUES = st.one_of(st.none(), st.integers(), st.text(max_size=5), st.lists(st.integers(), max_size=2))
TTLS = st.sampled_from([None, 0, 5, 30.5, 1000, float("inf")])
TAGS = st.sets(st.sampled_from(["red", "blue", "model:x"]), max_size=2)
PATTERNS = st.sampled_from(["*", "a*", "?", "b:*", "ab", "z*"])


@dataclass
class Entry:
    value: object
    expires: float
    tags: frozenset[str]
    persist: bool = True
    lasting: bool = False
    """Whether it is fresh at the very end of its life, too."""


@dataclass(frozen=True)
class Kind:
    """What a layout holds."""

    target: str
    namespaces: tuple[str, ...] = ("",)
    lasting: bool = False
    memory: int = 100
    compressed: int = 100

    @property
    def stored(self) -> bool:
        return not self.target.startswith("memory:")


KINDS = {
    "memory": Kind("memory:machine", ("", "x", "y")),
    "memory alone": Kind("memory:machine", ("", "x"), compressed=0),
    "json-directory": Kind("json-directory:{}/comparisons"),
    "json-file": Kind("json-file:{}/answers.json", lasting=True),
    "json-file, disk alone": Kind("json-file:{}/answers.json", lasting=True, memory=0, compressed=0),
    "multi-level": Kind("multi-level:{}/operations", ("", "x", "x/y"), lasting=True),
    "multi-level, compressed alone": Kind("multi-level:{}/operations", ("x", "y"), lasting=True, memory=0),
    "asset-cache": Kind("asset-cache:{}/assets", ("image", "tts")),
    "sqlite-table": Kind("sqlite-table:{}/cache.db?table=cache", ("", "x")),
}


class Machine(RuleBasedStateMachine):
    kind: Kind

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.mkdtemp()
        self.now = 1_800_000_000.0
        self.model: dict[tuple[str, str], Entry] = {}
        self.hits = self.misses = self.expirations = self.puts = 0
        self.cache = self.opened(memory=self.kind.memory, compressed=self.kind.compressed)
        self.other = self.opened() if self.kind.stored else None

    def opened(self, **levels: int) -> Cache:
        target = self.kind.target.format(self.folder)
        return Cache(target, ttl=TTL, recorder=False, clock=lambda: self.now, **levels)

    def teardown(self) -> None:
        self.cache.close()
        if self.other is not None:
            self.other.close()
        shutil.rmtree(self.folder)

    def place(self, number: int, key: str) -> tuple[str, str]:
        return self.kind.namespaces[number % len(self.kind.namespaces)], key

    def is_fresh(self, entry: Entry) -> bool:
        return entry.expires > self.now or (entry.lasting and entry.expires == self.now)

    def loaded(self, value: object) -> Entry:
        return Entry(value, self.now + TTL, frozenset(), lasting=self.kind.lasting)

    def looked_up(self, place: tuple[str, str]) -> object:
        entry = self.model.get(place)
        if entry is not None and self.is_fresh(entry):
            self.hits += 1
            return entry.value
        self.misses += 1
        if entry is not None:
            self.expirations += 1
            del self.model[place]
        return "missing"

    def removed(self, places: list[tuple[str, str]]) -> int:
        for place in places:
            del self.model[place]
        return len(places)

    @rule(number=st.integers(0, 2), key=KEYS, value=VALUES, ttl=TTLS, tags=TAGS, persist=st.booleans())
    def put(self, number, key, value, ttl, tags, persist) -> None:
        if not self.kind.memory and not self.kind.compressed:
            persist = True
        place = self.place(number, key)
        self.cache.put(key, value, ttl=ttl, tags=sorted(tags), namespace=place[0], persist=persist)
        life = TTL if ttl is None else ttl
        self.model[place] = Entry(value, self.now + life, frozenset(tags), persist, self.kind.lasting and life > 0)
        self.puts += 1

    @rule(number=st.integers(0, 2), key=KEYS)
    def get(self, number, key) -> None:
        place = self.place(number, key)
        assert self.cache.get(key, "missing", namespace=place[0]) == self.looked_up(place)

    @rule(number=st.integers(0, 2), keys=st.sets(KEYS))
    def get_many(self, number, keys) -> None:
        namespace = self.place(number, "")[0]
        expected = {key: self.looked_up((namespace, key)) for key in keys}
        found = self.cache.get_many(keys, namespace=namespace)
        assert found == {key: value for key, value in expected.items() if value != "missing"}

    @rule(number=st.integers(0, 2), key=KEYS, value=st.integers())
    def get_or_load(self, number, key, value) -> None:
        place = self.place(number, key)
        expected = self.looked_up(place)
        if expected == "missing":
            self.model[place] = self.loaded(value)
            self.puts += 1
            expected = value
        assert self.cache.get_or_load(key, lambda: value, namespace=place[0]) == expected

    @rule(number=st.integers(0, 2), key=KEYS)
    def invalidate(self, number, key) -> None:
        place = self.place(number, key)
        was_there = self.model.pop(place, None) is not None
        assert self.cache.invalidate(key, namespace=place[0]) == was_there

    @rule(pattern=PATTERNS, number=st.one_of(st.none(), st.integers(0, 2)))
    def invalidate_pattern(self, pattern, number) -> None:
        namespace = None if number is None else self.place(number, "")[0]
        fits = [p for p in self.model if fnmatchcase(p[1], pattern) and namespace in (None, p[0])]
        assert self.cache.invalidate_pattern(pattern, namespace=namespace) == self.removed(fits)

    @rule(tag=st.sampled_from(["red", "model:x"]))
    def invalidate_tags(self, tag) -> None:
        fits = [place for place, entry in self.model.items() if tag in entry.tags]
        assert self.cache.invalidate_tags(tag, "unknown") == self.removed(fits)

    @rule(number=st.one_of(st.none(), st.integers(0, 2)))
    def clear(self, number) -> None:
        namespace = None if number is None else self.place(number, "")[0]
        fits = [place for place in self.model if namespace in (None, place[0])]
        assert self.cache.clear(namespace).entries == self.removed(fits)

    @rule()
    def cleanup_expired(self) -> None:
        stale = [place for place, entry in self.model.items() if not self.is_fresh(entry)]
        assert self.cache.cleanup_expired().entries == self.removed(stale)

    @rule(limit=st.integers(0, 4))
    def evict(self, limit) -> None:
        expected = max(0, len(self.model) - limit)
        assert self.cache.evict(to_entries=limit).entries == expected
        kept = {entry.place for entry in self.cache._stack.known()}
        self.removed([place for place in self.model if place not in kept])

    @precondition(lambda self: self.kind.stored)
    @rule(number=st.integers(0, 2), key=KEYS)
    def another_removes(self, number, key) -> None:
        place = self.place(number, key)
        stored = place in self.model and self.model[place].persist
        assert self.other.invalidate(key, namespace=place[0]) == stored
        if stored:
            del self.model[place]
        self.cache._validity.look_at = -1.0  # a second goes by

    @precondition(lambda self: self.kind.stored)
    @rule(number=st.integers(0, 2), key=KEYS, value=st.integers())
    def another_puts(self, number, key, value) -> None:
        place = self.place(number, key)
        if place in self.model and not self.model[place].persist:
            return  # this process goes on with its own
        self.other.put(key, value, namespace=place[0])
        self.model[place] = self.loaded(value)
        self.cache._validity.look_at = -1.0

    @precondition(lambda self: self.kind.stored)
    @rule()
    def another_reads_all(self) -> None:
        """What memory does not say is on the disk."""
        stored = {place: entry.value for place, entry in self.model.items() if entry.persist and self.is_fresh(entry)}
        assert {place: self.other.peek(place) for place in stored} == stored

    @rule(seconds=st.sampled_from([1, 4.5, 5, 30.5, 95, -20]))
    def advance(self, seconds) -> None:
        self.now += seconds

    @invariant()
    def has_what_the_model_has(self) -> None:
        assert {entry.place for entry in self.cache._stack.known()} == set(self.model)

    @invariant()
    def counts_what_was_done(self) -> None:
        counted = self.cache.stats().counted
        assert (counted.hits, counted.misses) == (self.hits, self.misses)
        assert (counted.expirations, counted.puts) == (self.expirations, self.puts)


@pytest.mark.parametrize("name", KINDS)
def test_is_a_dict_with_ttl(name: str) -> None:
    machine = type("Machine", (Machine,), {"kind": KINDS[name]})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=10,
            phases=[Phase.generate],  # a failure is read as it came: making it small takes minutes
            stateful_step_count=30,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
