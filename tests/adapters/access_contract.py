"""One suite that every key access passes: subclass `AccessContract` in the format's own test file.

A subclass names its format and says what its layout keeps; the tests run on real files, databases or
servers. `new_target` is where a format says more than the name of a file or folder.
"""

import itertools
import json
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress
from pathlib import Path

import pytest
from access_machine import AccessMachine
from applications import OURS, running
from contract import file_manifest, open_descriptors
from hostile_names import ALIKE, HOSTILE
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from cache_studio.adapters.key_access import Held, KeyAccess, Known, Place
from cache_studio.adapters.registry import get_format
from cache_studio.model.errors import BadRequest
from cache_studio.model.options import read_options
from cache_studio.model.targets import Target

THREADS, ROUNDS = 8, 10
PROCESSES, KEYS_EACH = 3, 15
_DEADLINE = 50.0


class AccessContract:
    """What every key access promises."""

    format_name: str
    """The format under test."""
    options: Mapping[str, str] = {}
    location = "cache"
    """Name of the file or folder, below a folder of its own."""
    namespaces: Sequence[str] = ("", "one", "two")
    """Namespaces that the layout keeps apart; ("",) where it has none."""
    ttl: float | None = None
    """The TTL of all entries where an entry has no expiry of its own."""
    any_bytes = True
    """False where a value must be JSON text."""
    keeps_tags = True
    keeps_created = True
    keeps_stale = True
    """False where the server itself removes what is stale."""
    keeps_accessed = False
    keeps_hits = False
    keeps_metadata = False

    # What a format may say differently.

    def new_target(self, folder: Path) -> Target:
        """A place for a new cache; called with a new folder each time."""
        return Target(str(folder / "place" / self.location), self.format_name, dict(self.options))

    def outside(self, folder: Path, target: Target) -> Mapping[str, object]:
        """All beside the cache that no key may reach. Default: the files beside its folder."""
        return {name: seen for name, seen in file_manifest(folder).items() if name.split("/")[0] != "place"}

    def listed(self, namespace: str) -> str:
        """What `known` calls a namespace."""
        return namespace

    def text(self, number: int) -> bytes:
        """A value that the layout gives back to the byte, another for each number."""
        return json.dumps({"n": number, "text": "ü<&>"}, ensure_ascii=False).encode()

    def held(self, number: int, *, age: float = 0.0, life: float | None = None, tags: tuple[str, ...] = ()) -> Held:
        """An entry that was made `age` seconds ago and lives for `life` seconds (the cache's TTL where it has one)."""
        created = self.now - age
        life = self.ttl if self.ttl is not None else life
        return Held(self.text(number), created, None if life is None else created + life, tags=tags)

    # What the tests use.

    now: float
    """When the test began, in whole seconds."""

    @pytest.fixture(autouse=True)
    def _began(self) -> None:
        self.now = float(int(time.time()))

    def open(self, target: Target) -> KeyAccess:
        """The door to a target."""
        found = get_format(self.format_name)
        return found.access_class().open(target, read_options(found.options, target.options))

    @pytest.fixture
    def target(self, tmp_path: Path) -> Target:
        """A new cache."""
        return self.new_target(tmp_path)

    @pytest.fixture
    def access(self, target: Target) -> Iterator[KeyAccess]:
        """It, open."""
        with closing(self.open(target)) as access:
            yield access

    def check_same(self, found: Held | None, put: Held) -> None:
        """Fail unless what was found is what was put, as far as the layout keeps it."""
        assert found is not None
        assert found.value == put.value
        if self.keeps_created:
            assert found.created == pytest.approx(put.created, abs=2e-3)
        assert (found.expires is None) == (put.expires is None)
        assert found.expires == pytest.approx(put.expires, abs=2.0 if not self.keeps_stale else 2e-3)
        if self.keeps_tags:
            assert sorted(found.tags) == sorted(put.tags)

    def places(self, access: KeyAccess) -> set[Place]:
        """All that is known."""
        return {known.place for known in access.known()}

    # One key.

    def test_opening_creates_the_cache(self, target: Target, access: KeyAccess) -> None:
        assert access.get("absent") is None
        assert not access.holds("absent")
        assert not access.delete("absent")
        assert list(access.known()) == []
        assert target.is_url or os.path.exists(target.location)

    @pytest.mark.parametrize("life", [None, 3600.0])
    def test_put_and_get(self, access: KeyAccess, life: float | None) -> None:
        put = self.held(1, life=life, tags=("red", "ü:1") if self.keeps_tags else ())
        access.put("key", put)
        self.check_same(access.get("key"), put)
        assert access.holds("key")
        assert access.get("ke") is access.get("key ") is access.get("KEY") is None

    def test_bytes_come_back_as_they_are(self, access: KeyAccess) -> None:
        if not self.any_bytes:
            pytest.skip("the layout holds JSON text")
        for value in (b"", b"\0\xff\x80", b"\x89PNG\r\n\x1a\n", bytes(range(256)) * 400, "ü".encode()):
            access.put("key", Held(value, self.held(1).created, self.held(1).expires))
            found = access.get("key")
            assert found is not None
            assert found.value == value

    def test_a_value_that_is_no_json_is_refused_and_nothing_changes(self, access: KeyAccess) -> None:
        if self.any_bytes:
            pytest.skip("the layout holds any bytes")
        put = self.held(1)
        access.put("key", put)
        for value in (b"\xff", b"{", b""):
            with pytest.raises(BadRequest):
                access.put("key", Held(value, put.created, put.expires))
        self.check_same(access.get("key"), put)

    def test_a_put_replaces_all_that_was_there(self, access: KeyAccess) -> None:
        access.put("key", self.held(1, age=50, life=100, tags=("old",) if self.keeps_tags else ()))
        newer = self.held(2)
        access.put("key", newer)
        self.check_same(access.get("key"), newer)
        assert len(list(access.known())) == 1

    def test_metadata_comes_back(self, access: KeyAccess) -> None:
        if not self.keeps_metadata:
            pytest.skip("the layout has no room for it")
        put = self.held(1)
        given = {"model": "gpt-4", "ü": [1, None, {"deep": "x"}]}
        access.put("key", Held(put.value, put.created, put.expires, metadata=given))
        found = access.get("key")
        assert found is not None
        assert {name: found.metadata.get(name) for name in given} == given

    def test_a_stale_entry_is_still_there(self, access: KeyAccess) -> None:
        if not self.keeps_stale:
            pytest.skip("the server removes it")
        put = self.held(1, age=2 * (self.ttl or 100), life=100)
        access.put("key", put)
        self.check_same(access.get("key"), put)
        assert access.holds("key")
        assert access.get_many(["key"]).keys() == {"key"}
        assert [known.key for known in access.known()] == ["key"]

    def test_delete(self, access: KeyAccess) -> None:
        access.put("a", self.held(1))
        access.put("b", self.held(2))
        assert access.delete("a")
        assert not access.delete("a")
        assert access.get("a") is None
        assert self.places(access) == {(self.listed(""), "b")}

    def test_namespaces_are_kept_apart(self, access: KeyAccess) -> None:
        if len(self.namespaces) < 2:
            pytest.skip("the layout has none")
        for number, namespace in enumerate(self.namespaces):
            access.put("key", self.held(number), namespace)
        assert self.places(access) == {(self.listed(namespace), "key") for namespace in self.namespaces}
        assert access.delete("key", self.namespaces[1])
        assert access.get("key", self.namespaces[1]) is None
        for number, namespace in enumerate(self.namespaces):
            if number != 1:
                self.check_same(access.get("key", namespace), self.held(number))

    def test_discard_removes_only_what_was_seen(self, access: KeyAccess) -> None:
        access.put("key", self.held(1, life=100))
        seen = access.get("key")
        assert seen is not None
        access.put("key", self.held(2, life=100))
        assert not access.discard("key", seen)
        self.check_same(access.get("key"), self.held(2, life=100))
        now = access.get("key")
        assert now is not None
        assert access.discard("key", now)
        assert not access.discard("key", now)
        assert not access.holds("key")

    def test_discard_keeps_the_same_value_made_anew(self, access: KeyAccess) -> None:
        if not self.keeps_created:
            pytest.skip("the layout keeps no time of creation")
        access.put("key", self.held(1, age=500, life=100))
        seen = access.get("key")
        assert seen is not None
        access.put("key", self.held(1, life=100))
        assert not access.discard("key", seen)
        assert access.holds("key")

    def test_discard_is_not_misled_by_an_access(self, access: KeyAccess) -> None:
        access.put("key", self.held(1))
        seen = access.get("key")
        assert seen is not None
        access.touch("key", "", time.time() + 5)
        access.flush()
        assert access.discard("key", seen)

    # Many keys.

    def test_get_many(self, access: KeyAccess) -> None:
        for number in range(5):
            access.put(f"k{number}", self.held(number))
        found = access.get_many(["k3", "absent", "k1"])
        assert set(found) == {"k1", "k3"}
        self.check_same(found["k3"], self.held(3))
        assert access.get_many([]) == {}
        assert set(access.get_many([f"k{number}" for number in range(1200)])) == {f"k{number}" for number in range(5)}

    def test_delete_many_says_what_was_there(self, access: KeyAccess) -> None:
        space = self.namespaces[-1]
        for number in range(6):
            access.put(f"k{number}", self.held(number), space)
        wanted = [(space, "k1"), (space, "absent"), (space, "k4")]
        assert sorted(access.delete_many(wanted)) == sorted([wanted[0], wanted[2]])
        assert access.delete_many(wanted) == []
        assert access.delete_many([]) == []
        assert self.places(access) == {(self.listed(space), f"k{number}") for number in (0, 2, 3, 5)}

    def test_delete_like(self, access: KeyAccess) -> None:
        keys = ["user:1", "user:2", "user:10", "user*", "other", "User:1", "ü:1"]
        last = self.namespaces[-1]
        for number, key in enumerate(keys):
            for namespace in {"", last}:
                access.put(key, self.held(number), namespace)
        factor = len({"", last})
        assert access.delete_like("absent*") == 0
        assert access.delete_like("user\\*", "") == 1
        assert access.delete_like("user:?", last) == 2
        assert access.delete_like("[ü]:*") == factor
        assert access.delete_like("user:1") == (1 if factor == 2 else 0)
        left = {known.key for known in access.known() if known.namespace == self.listed(last)}
        assert left == {"user:10", "other", "User:1"} | ({"user*"} if factor == 2 else set())
        assert access.delete_like("*", "") == (5 if factor == 2 else 3) - (1 if factor == 2 else 0)
        access.delete_like("*")
        assert list(access.known()) == []

    def test_known_says_what_eviction_needs(self, access: KeyAccess) -> None:
        tags = ("blue", "red") if self.keeps_tags else ()
        put = self.held(1, age=5, life=100, tags=tags)
        access.put("with", put)
        access.put("without", self.held(2))
        found: dict[str, Known] = {known.key: known for known in access.known()}
        assert set(found) == {"with", "without"}
        assert found["with"].size >= len(put.value)
        assert tuple(sorted(found["with"].tags)) == tags
        assert found["with"].expires == pytest.approx(put.expires, abs=2.0 if not self.keeps_stale else 2e-3)
        assert (found["without"].expires is None) == (self.ttl is None)
        assert found["without"].tags == ()
        if self.keeps_created:
            assert found["with"].created == pytest.approx(put.created, abs=2e-3)

    # Accesses.

    def test_accesses_are_written_by_flush(self, target: Target, access: KeyAccess) -> None:
        access.put("key", self.held(1, age=60))
        at = self.now
        for second in range(3):
            access.touch("key", "", at + second)
        access.touch("absent", "", at)
        own = access.get("key")
        access.flush()
        with closing(self.open(target)) as other:
            theirs, (known,) = other.get("key"), list(other.known())
        for found in (own, theirs, access.get("key")):
            assert found is not None
            assert not self.keeps_accessed or found.accessed == pytest.approx(at + 2, abs=2e-3)
            assert not self.keeps_hits or found.hits == 3
        assert known.hits == (3 if self.keeps_hits else None)
        assert not self.keeps_accessed or known.accessed == pytest.approx(at + 2, abs=2e-3)

    def test_two_add_up_their_hits(self, target: Target, access: KeyAccess) -> None:
        if not self.keeps_hits:
            pytest.skip("the layout records none")
        access.put("key", self.held(1))
        with closing(self.open(target)) as other:
            for _ in range(3):
                access.touch("key", "", time.time())
                other.touch("key", "", time.time())
        access.flush()
        assert [known.hits for known in access.known()] == [6]

    # Life of a door.

    def test_a_second_door_sees_it_at_once_and_later(self, target: Target, access: KeyAccess) -> None:
        with closing(self.open(target)) as other:
            access.put("a", self.held(1))
            self.check_same(other.get("a"), self.held(1))
            other.put("b", self.held(2))
            self.check_same(access.get("b"), self.held(2))
            other.delete("a")
            assert access.get("a") is None
        access.close()
        with closing(self.open(target)) as later:
            self.check_same(later.get("b"), self.held(2))

    def test_closing_twice_is_safe_and_releases_everything(self, target: Target) -> None:
        for left_open in (0, 1):
            before = open_descriptors()
            access = self.open(target)
            access.put("key", self.held(1))
            access.get("key")
            access.touch("key", "", time.time())
            access.close()
            access.close()
            assert left_open == 0 or open_descriptors() == before

    def test_compacting_leaves_the_entries_alone(self, access: KeyAccess) -> None:
        for number in range(50):
            access.put(f"k{number}", self.held(number))
        access.delete_many([("", f"k{number}") for number in range(10, 50)])
        assert access.compact() >= 0
        assert access.get_many([f"k{number}" for number in range(50)]).keys() == {f"k{number}" for number in range(10)}

    # Many at once.

    def test_many_threads_lose_nothing(self, access: KeyAccess) -> None:
        start = threading.Barrier(THREADS)

        def work(number: int) -> None:
            start.wait()
            for turn in range(ROUNDS):
                key = f"t{number}-{turn}"
                access.put(key, self.held(number))
                self.check_same(access.get(key), self.held(number))
                access.put("shared", self.held(number))
                shared = access.get("shared")
                assert shared is not None
                assert shared.value in {self.text(one) for one in range(THREADS)}
                if turn % 2:
                    assert access.delete(key)
                    assert access.get(key) is None

        with ThreadPoolExecutor(THREADS) as pool:
            for done in [pool.submit(work, number) for number in range(THREADS)]:
                done.result(timeout=_DEADLINE)
        kept = {f"t{number}-{turn}" for number in range(THREADS) for turn in range(0, ROUNDS, 2)}
        assert {known.key for known in access.known()} == kept | {"shared"}

    def test_several_processes_lose_no_entry(self, target: Target) -> None:
        with closing(self.open(target)) as access, ExitStack() as ends:
            writers = [ends.enter_context(running("access_writer_program", OURS)) for _ in range(PROCESSES)]
            for writer in writers:
                assert writer.call("open", str(target), self.format_name) == target.location
            for number, writer in enumerate(writers):
                writer.ask("write", f"p{number}-", KEYS_EACH, self.ttl)
            for key in range(KEYS_EACH):
                access.put(f"own-{key}", self.held(key))
            for writer in writers:
                writer.answer("write")
            expected = {f"p{number}-{key}" for number in range(PROCESSES) for key in range(KEYS_EACH)}
            assert {known.key for known in access.known()} == expected | {f"own-{key}" for key in range(KEYS_EACH)}

    # Hostile names.

    @pytest.mark.parametrize("key", HOSTILE.values(), ids=HOSTILE.keys())
    def test_a_hostile_key_is_stored_exactly_or_refused(self, tmp_path: Path, target: Target, key: str) -> None:
        with closing(self.open(target)) as access:
            access.put("calm", self.held(0))
            before = self.outside(tmp_path, target)
            if _refused(lambda: access.put(key, self.held(1))):
                assert self.places(access) == {(self.listed(""), "calm")}
            else:
                self.check_same(access.get(key), self.held(1))
                assert self.places(access) == {(self.listed(""), "calm"), (self.listed(""), key)}
                assert access.get_many([key]).keys() == {key}
                assert access.delete(key)
                assert self.places(access) == {(self.listed(""), "calm")}
            self.check_same(access.get("calm"), self.held(0))
            assert self.outside(tmp_path, target) == before

    @pytest.mark.parametrize("namespace", HOSTILE.values(), ids=HOSTILE.keys())
    def test_a_hostile_namespace_is_stored_exactly_or_refused(
        self, tmp_path: Path, target: Target, namespace: str
    ) -> None:
        with closing(self.open(target)) as access:
            before = self.outside(tmp_path, target)
            if not _refused(lambda: access.put("key", self.held(1), namespace)):
                self.check_same(access.get("key", namespace), self.held(1))
                if len(self.namespaces) > 1:
                    assert self.places(access) == {(self.listed(namespace), "key")}
                assert access.delete("key", namespace)
            assert list(access.known()) == []
            assert self.outside(tmp_path, target) == before

    @pytest.mark.parametrize(("one", "other"), ALIKE)
    def test_keys_that_look_alike_are_two(self, access: KeyAccess, one: str, other: str) -> None:
        if _refused(lambda: access.put(one, self.held(0))) or _refused(lambda: access.put(other, self.held(1))):
            return
        self.check_same(access.get(one), self.held(0))
        self.check_same(access.get(other), self.held(1))

    def test_namespace_and_key_do_not_run_together(self, access: KeyAccess) -> None:
        if len(self.namespaces) < 2:
            pytest.skip("the layout has none")
        tricky = [
            *(("", "one:a"), ("one", "a"), ("", "one/a"), ("one", ":a")),
            *(("one:", "a"), ("one/a", "b"), ("one", "a/b")),
        ]
        stored = []
        for number, (namespace, key) in enumerate(tricky):
            with suppress(BadRequest):
                access.put(key, self.held(number), namespace)
                stored.append((namespace, key, number))
        for namespace, key, number in stored:
            self.check_same(access.get(key, namespace), self.held(number))

    # A dict as the model.

    def test_any_order_of_calls(self, tmp_path: Path) -> None:
        numbers = itertools.count()

        def machine() -> AccessMachine:
            folder = tmp_path / f"run{next(numbers)}"
            folder.mkdir()
            return AccessMachine(self, self.new_target(folder))

        few = settings(max_examples=10, stateful_step_count=15, deadline=None, suppress_health_check=list(HealthCheck))
        run_state_machine_as_test(machine, settings=few)


def _refused(call: Callable[[], None]) -> bool:
    try:
        call()
    except BadRequest:
        return True
    return False
