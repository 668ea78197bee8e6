"""Levels together: what is found low comes up whole, what goes is gone from all, and threads race without harm."""

import threading
from collections.abc import Callable

import pytest

from cache_studio.adapters.key_access import Held
from cache_studio.model.errors import BadRequest, CacheUnavailable
from cache_studio.runtime import Cache

DISKS = ["json-directory:{}/cache", "multi-level:{}/cache", "json-file:{}/cache.json", "asset-cache:{}/cache"]


@pytest.fixture(params=DISKS)
def target(request, tmp_path) -> str:
    return request.param.format(tmp_path)


def opened(target: str, clock=None, **options) -> Cache:
    timed = {} if clock is None else {"clock": clock}
    return Cache(target, recorder=False, **timed, **{"ttl": 100, **options})


def levels_of(cache: Cache, namespace: str, key: str) -> dict[str, Held | None]:
    """What each level holds for a key."""
    shelves = {shelf.name: shelf.slots.get((namespace, key)) for shelf in cache._stack.shelves}
    held = {name: None if slot is None else slot.held() for name, slot in shelves.items()}
    return held | {door.name: door.get((namespace, key)) for door in cache._stack.doors}


def test_a_hit_on_the_disk_comes_up_with_what_is_left_of_its_life(target, clock) -> None:
    with opened(target, clock) as cache:
        cache.put("a", [1], tags=["red"])
    clock.advance(60)
    with opened(target, clock, memory=5, compressed=5) as cache:
        assert cache.get("a") == [1]
        held = levels_of(cache, "", "a")
        for name in ("memory", "compressed"):
            assert held[name].expires == pytest.approx(clock() + 40, abs=0.01)
            assert held[name].tags == ("red",)
        clock.advance(41)
        assert cache.get("a") is None
        assert set(levels_of(cache, "", "a").values()) == {None}


def test_an_entry_comes_up_in_its_namespace(tmp_path) -> None:
    target = f"multi-level:{tmp_path}/cache"
    with opened(target) as cache:
        cache.put("a", 1, namespace="x")
    with opened(target, memory=5) as cache:
        assert cache.get("a", namespace="y") is None
        assert cache.get("a", namespace="x") == 1
        assert cache.clear("x").entries == 1
        assert cache.get("a", namespace="x") is None


def test_what_memory_lets_go_is_still_compressed_and_on_the_disk(target) -> None:
    with opened(target, memory=1, compressed=2) as cache:
        for key in "abc":
            cache.put(key, key * 100)
        assert [len(shelf) for shelf in cache._stack.shelves] == [1, 2]
        assert [cache.get(key) for key in "abc"] == [key * 100 for key in "abc"]
        counted = {name: level.counted for name, level in cache.stats().levels.items()}
        assert counted["memory"].hits == 0
        assert counted["compressed"].hits + counted["disk"].hits == 3
        assert cache.stats().counted.evictions == 0


def test_what_is_not_to_be_stored_is_in_memory_alone(target) -> None:
    with opened(target, memory=5) as cache:
        cache.put("a", "stored")
        cache.put("a", "not stored", persist=False)
        assert cache.get("a") == "not stored"
        assert levels_of(cache, "", "a")["disk"] is None
        assert len(cache) == 1
    with opened(target, memory=5) as cache:
        assert cache.get("a") is None


def test_what_expired_in_memory_may_be_newer_below(target, clock) -> None:
    with opened(target, clock, memory=5) as cache, opened(target, clock) as other:
        cache.put("a", "old")
        clock.advance(90)
        other.put("a", "new")
        clock.advance(20)
        assert cache.get("a") == "new"
        counted = cache.stats().counted
        assert (counted.hits, counted.misses, counted.expirations) == (1, 0, 0)


def test_a_value_larger_than_the_disk_level_leaves_the_others_alone(target) -> None:
    with opened(target, max_bytes=500, memory=5) as cache:
        cache.put("a", "x")
        cache.put("b", "x" * 1000)
        assert cache.get("a") == "x"
        assert cache.get("b") is None
        assert cache.stats().counted.evictions == 1


def test_a_reopened_cache_counts_an_entry_once_and_loses_no_put(target, clock) -> None:
    """Also where the layout lists an entry under another namespace than it was put with."""
    with opened(target, clock, capacity=2) as cache:
        cache.put("a", 1)
        clock.advance(1)
        cache.put("b", 1)
    with opened(target, clock, capacity=2) as cache:
        clock.advance(1)
        cache.put("a", 2)
        assert (cache.get("a"), cache.get("b")) == (2, 1)
        assert len(cache) == 2
        clock.advance(1)
        cache.get("a")
        clock.advance(1)
        cache.put("c", 1)
        assert (cache.get("a"), cache.get("b"), cache.get("c")) == (2, None, 1)


def test_a_cache_that_is_opened_with_a_smaller_capacity_evicts_at_once(target, clock) -> None:
    with opened(target, clock) as cache:
        for number in range(10):
            cache.put(str(number), number)
            clock.advance(1)
    with opened(target, clock, capacity=4, policy="fifo") as cache:
        assert sorted(entry.key for entry in cache._stack.known()) == ["6", "7", "8", "9"]
        assert cache.stats().counted.evictions == 6


def test_fifo_on_the_disk_does_not_care_for_accesses(tmp_path, clock) -> None:
    target = f"asset-cache:{tmp_path}/cache"
    with opened(target, clock) as cache:
        for key in "abc":
            cache.put(key, key)
            clock.advance(1)
        cache.get("a")
    with opened(target, clock, capacity=2, policy="fifo") as cache:
        assert [cache.get(key) for key in "abc"] == [None, "b", "c"]
        assert cache.evict(to_entries=1, policy="fifo").entries == 1
        assert cache.get("c") == "c"


def test_a_lookup_does_not_fail_because_the_disk_takes_no_note(target, clock, monkeypatch) -> None:
    def refuse(*_: object) -> None:
        raise CacheUnavailable("The disk is read-only.")

    with opened(target, clock) as cache:
        cache.put("a", 1)
        access = cache._stack.doors[0].access
        monkeypatch.setattr(access, "touch", refuse)
        monkeypatch.setattr(access, "discard", refuse)
        assert cache.get("a") == 1
        clock.advance(101)
        assert cache.get("a", "none") == "none"
        monkeypatch.undo()


def test_a_removal_that_the_disk_refuses_is_told_and_memory_is_emptied(target, monkeypatch) -> None:
    def refuse(*_: object) -> None:
        raise CacheUnavailable("The disk is read-only.")

    with opened(target, memory=5) as cache:
        for remove in (lambda: cache.invalidate("a"), cache.clear, lambda: cache.invalidate_pattern("*")):
            cache.put("a", 1)
            with monkeypatch.context() as patch:
                for name in ("delete", "delete_many", "delete_like"):
                    patch.setattr(cache._stack.doors[0].access, name, refuse)
                with pytest.raises(CacheUnavailable):
                    remove()
            assert not cache._stack.shelves[0].slots


# Races ------------------------------------------------------------------------------------------------------------


class HeldUp:
    """Holds a call up in the middle, until it is let on."""

    def __init__(self, function: Callable[..., object]) -> None:
        self.function = function
        self.arrived, self.go = threading.Event(), threading.Event()

    def __call__(self, *arguments: object) -> object:
        answer = self.function(*arguments)
        self.arrived.set()
        assert self.go.wait(20)
        return answer


REMOVALS = {
    "clear": lambda cache: cache.clear(),
    "tags": lambda cache: cache.invalidate_tags("red"),
    "pattern": lambda cache: cache.invalidate_pattern("*"),
    "evict": lambda cache: cache.evict(to_entries=0),
}


@pytest.mark.parametrize("remove", REMOVALS.values(), ids=REMOVALS)
def test_a_lookup_that_read_before_a_removal_keeps_nothing(target, monkeypatch, remove) -> None:
    with opened(target) as cache:
        cache.put("a", 1, tags=["red"])
    with opened(target, memory=5, compressed=5) as cache:
        access = cache._stack.doors[0].access
        held_up = HeldUp(access.get)
        monkeypatch.setattr(access, "get", held_up)
        thread = threading.Thread(target=cache.get, args=("a",))
        thread.start()
        assert held_up.arrived.wait(20)
        monkeypatch.setattr(access, "get", held_up.function)
        remove(cache)
        held_up.go.set()
        thread.join(20)
        assert cache.get("a") is None


def test_many_lookups_that_read_before_a_removal_keep_nothing(target, monkeypatch) -> None:
    with opened(target) as cache:
        cache.put("a", 1)
    with opened(target, memory=5) as cache:
        access = cache._stack.doors[0].access
        held_up = HeldUp(access.get_many)
        monkeypatch.setattr(access, "get_many", held_up)
        thread = threading.Thread(target=cache.get_many, args=(["a"],))
        thread.start()
        assert held_up.arrived.wait(20)
        assert cache.invalidate("a")
        held_up.go.set()
        thread.join(20)
        assert cache.get("a") is None


def test_an_eviction_does_not_take_what_is_put_anew_meanwhile(target, monkeypatch, clock) -> None:
    with opened(target, clock, capacity=1) as cache:
        cache.put("a", "old")
        clock.advance(1)
        door = cache._stack.doors[0]
        held_up = HeldUp(door.access.put)
        monkeypatch.setattr(door.access, "put", held_up)
        thread = threading.Thread(target=cache.put, args=("b", "b"))
        thread.start()
        assert held_up.arrived.wait(20)
        monkeypatch.setattr(door.access, "put", held_up.function)
        cache.put("a", "new")
        held_up.go.set()
        thread.join(20)
        stored = [entry.key for entry in cache._stack.known()]
        assert len(stored) == len(cache) == 1


def test_threads_that_put_look_up_and_remove_leave_levels_that_agree(tmp_path) -> None:
    with opened(f"multi-level:{tmp_path}/cache", memory=4, compressed=4, capacity=6) as cache:
        failures: list[BaseException] = []

        def work(name: int) -> None:
            try:
                for number in range(40):
                    key = str((number * name) % 10)
                    cache.put(key, [key, number], tags=["odd"] if number % 2 else [])
                    assert (cache.get(key) or [key])[0] == key
                    cache.get_many([str(other) for other in range(3)])
                    if number % 10 == 3:
                        cache.invalidate(key)
                    if number % 20 == 7:
                        cache.invalidate_tags("odd")
                    if number % 20 == 11:
                        cache.invalidate_pattern("[0-3]")
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=work, args=(name,)) for name in range(1, 6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(50)
        assert failures == []
        door = cache._stack.doors[0]
        stored = {entry.place for entry in door.known()}
        assert stored <= set(door.index.slots)
        assert len(stored) <= 6
        for number in range(10):
            assert (cache.get(str(number)) is not None) == (("", str(number)) in stored)
        assert stored == set(door.index.slots)
        for shelf in cache._stack.shelves:
            assert set(shelf.slots) <= stored


# Two stored levels ------------------------------------------------------------------------------------------------


@pytest.fixture
def distributed(redis_url) -> str:
    return f"{redis_url}?prefix=app:cache:"


@pytest.mark.redis
def test_a_hit_on_the_server_comes_up_to_disk_and_memory(tmp_path, distributed) -> None:
    with opened(f"multi-level:{tmp_path}/one", distributed=distributed) as cache:
        cache.put("a", [1], ttl=50, tags=["red"], namespace="x")
    with opened(f"multi-level:{tmp_path}/two", distributed=distributed, memory=5) as cache:
        assert cache.get("a", namespace="x") == [1]
        held = levels_of(cache, "x", "a")
        assert set(held) == {"memory", "disk", "redis"}
        for entry in held.values():
            assert entry.tags == ("red",)
            assert entry.expires == pytest.approx(held["redis"].expires, abs=2)
        stats = cache.stats()
        assert {name: level.counted.hits for name, level in stats.levels.items()} == {
            "memory": 0,
            "disk": 0,
            "redis": 1,
        }
        assert cache.invalidate_tags("red") == 1
        assert set(levels_of(cache, "x", "a").values()) == {None}


@pytest.mark.redis
def test_what_is_stale_on_the_disk_may_be_newer_on_the_server(tmp_path, distributed, clock) -> None:
    with opened(f"multi-level:{tmp_path}/one", distributed=distributed, ttl=1000, memory=5) as cache:
        cache.put("a", "old")
        door = cache._stack.doors[0]
        door.access.put("a", Held(b'"old"', 1.0, 2.0))
        cache._validity.token = object()
        cache._stack.doors[1].access.put("a", Held(b'"new"', cache._clock(), cache._clock() + 500))
        assert cache.get("a") == "new"
        assert door.get(("", "a")).value == b'"new"'
        assert cache.stats().counted.expirations == 0


@pytest.mark.redis
@pytest.mark.parametrize("remove", [lambda cache: cache.invalidate("a"), lambda cache: cache.clear()])
def test_what_is_removed_while_it_comes_up_does_not_stay_on_the_disk(
    tmp_path, distributed, monkeypatch, remove
) -> None:
    one = opened(f"multi-level:{tmp_path}/one", distributed=distributed)
    two = opened(f"multi-level:{tmp_path}/one", distributed=distributed)
    with one, two:
        one._stack.doors[1].put(("", "a"), Held(b"1", one._clock()), one._clock())
        access = one._stack.doors[1].access
        held_up = HeldUp(access.get)
        monkeypatch.setattr(access, "get", held_up)
        thread = threading.Thread(target=one.get, args=("a",))
        thread.start()
        assert held_up.arrived.wait(20)
        remove(two)
        held_up.go.set()
        thread.join(20)
        monkeypatch.setattr(access, "get", held_up.function)
        assert one.get("a") is None
        assert one._stack.doors[0].get(("", "a")) is None


@pytest.mark.parametrize("distributed", ["json-file:{}/other.json", "multi-level:{}/other"])
def test_the_distributed_level_is_a_server(tmp_path, distributed) -> None:
    with pytest.raises(BadRequest):
        opened(f"multi-level:{tmp_path}/cache", distributed=distributed.format(tmp_path))
