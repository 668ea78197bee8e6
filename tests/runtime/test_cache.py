import math
import os
import signal
import threading

import pytest

from cache_studio.model.errors import BadRequest
from cache_studio.recording.places import recorder_path
from cache_studio.recording.reader import read_recorder
from cache_studio.runtime import Cache
from cache_studio.runtime.serializers import Raw

TARGETS = {
    "json-directory": "json-directory:{}/comparisons?ttl=60",
    "json-file": "json-file:{}/answers.json?ttl=60",
    "multi-level": "multi-level:{}/operations",
    "asset-cache": "asset-cache:{}/assets",
}


@pytest.fixture(params=TARGETS)
def target(request, tmp_path):
    return TARGETS[request.param].format(tmp_path)


def test_gives_back_what_was_put_also_to_the_next_process(target, clock):
    with Cache(target, ttl=60, clock=clock) as cache:
        assert cache.get("a") is None
        cache.put("a", {"text": "grün", "list": [1, None]})
        assert cache.get("a") == {"text": "grün", "list": [1, None]}
    with Cache(target, ttl=60, clock=clock) as cache:
        assert cache.get("a") == {"text": "grün", "list": [1, None]}


def test_an_expired_entry_is_a_miss_and_is_removed(target, clock):
    with Cache(target, ttl=60, clock=clock) as cache:
        cache.put("a", 1)
        clock.advance(61)
        assert cache.get("a", "none") == "none"
        clock.advance(-61)
        assert cache.get("a", "none") == "none"


def test_invalidate_says_whether_it_was_there(target, clock):
    with Cache(target, ttl=60, clock=clock) as cache:
        cache.put("a", 1)
        assert cache.invalidate("a")
        assert not cache.invalidate("a")
        assert cache.get("a") is None


def test_the_least_recently_used_goes_beyond_the_capacity(target, clock):
    with Cache(target, ttl=600, capacity=2, clock=clock) as cache:
        for key in "ab":
            cache.put(key, key)
            clock.advance(1)
        cache.get("a")
        clock.advance(1)
        cache.put("c", "c")
        assert [cache.get(key) for key in "abc"] == ["a", None, "c"]
        assert len(cache) == 2


def test_counts_to_the_last_lookup(tmp_path, clock):
    target = TARGETS["json-directory"].format(tmp_path)
    with Cache(target, ttl=60, capacity=10, clock=clock) as cache:
        for number in range(20):
            cache.put(str(number), number)
        for number in range(30):
            cache.get(str(number))
    recorded = read_recorder(recorder_path(str(tmp_path / "comparisons")), clock())
    assert (recorded.totals.hits, recorded.totals.misses, recorded.totals.evictions) == (10, 20, 10)
    assert recorded.totals.puts == 20
    assert recorded.fills["disk"].entries == 10


def test_no_recorder_when_it_is_switched_off(tmp_path, clock):
    with Cache(TARGETS["json-file"].format(tmp_path), recorder=False, clock=clock) as cache:
        cache.put("a", 1)
    assert not recorder_path(str(tmp_path / "answers.json")).exists()


def test_bytes_are_kept_as_they_are(tmp_path, clock):
    data = bytes(range(256))
    with Cache(TARGETS["asset-cache"].format(tmp_path), serializer=Raw(), clock=clock) as cache:
        cache.put("a", data, namespace="image")
        assert cache.get("a", namespace="image") == data
        with pytest.raises(BadRequest):
            cache.put("b", "text")


def test_namespaces_are_apart(tmp_path, clock):
    with Cache(TARGETS["multi-level"].format(tmp_path), clock=clock) as cache:
        cache.put("a", 1, namespace="x")
        cache.put("a", 2, namespace="y")
        assert [cache.get("a", namespace=name) for name in ("x", "y", "z")] == [1, 2, None]


@pytest.mark.parametrize("value", [object(), {1, 2}, math.nan, b"bytes"])
def test_what_json_cannot_hold_is_refused_and_nothing_changes(target, value, clock):
    with Cache(target, ttl=60, clock=clock) as cache:
        cache.put("a", "before")
        with pytest.raises(BadRequest):
            cache.put("a", value)
        assert cache.get("a") == "before"


@pytest.mark.parametrize(("key", "options"), [("", {}), (7, {}), ("a", {"ttl": -1})])
def test_bad_requests_are_named(tmp_path, key, options, clock):
    with Cache(TARGETS["json-file"].format(tmp_path), clock=clock) as cache, pytest.raises(BadRequest):
        cache.put(key, 1, **options)


def test_a_format_must_be_named(tmp_path):
    with pytest.raises(BadRequest, match="format"):
        Cache(tmp_path / "cache")


def test_many_threads_lose_nothing(target):
    with Cache(target, ttl=600) as cache:

        def work(name):
            for number in range(10):
                cache.put(f"{name}-{number}", [name, number])

        threads = [threading.Thread(target=work, args=(name,)) for name in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        found = [cache.get(f"{name}-{number}") for name in range(4) for number in range(10)]
    assert found == [[name, number] for name in range(4) for number in range(10)]


@pytest.mark.redis
def test_redis_keeps_responses(redis_url, clock):
    with Cache(f"{redis_url}?format=redis-response&prefix=app:cache:", ttl=60) as cache:
        cache.put("a" * 64, {"content": "x"}, metadata={"provider_used": "north", "request_id": "r1"})
        assert cache.get("a" * 64) == {"content": "x"}
        assert cache.invalidate("a" * 64)
        assert cache.get("a" * 64) is None


@pytest.mark.parametrize("key", ["", 7, None, b"a", ("a",), ["a"], {}])
def test_a_key_is_a_text(target, key) -> None:
    with Cache(target, recorder=False, memory=2) as cache:
        calls = [cache.get, cache.invalidate, lambda key: cache.put(key, 1), lambda key: cache.get_many([key])]
        for call in [*calls, lambda key: cache.get_or_load(key, lambda: 1), lambda key: cache.warm([key], str)]:
            with pytest.raises(BadRequest, match="key"):
                call(key)


@pytest.mark.parametrize("namespace", [7, ["x"], b"x"])
def test_a_namespace_is_a_text(namespace) -> None:
    with Cache("memory:namespaces", recorder=False) as cache:
        for call in (cache.get, lambda key, **named: cache.put(key, 1, **named)):
            with pytest.raises(BadRequest, match="namespace"):
                call("a", namespace=namespace)


@pytest.mark.parametrize("ttl", [-1, -0.001, math.nan, "soon", "-5s"])
def test_a_ttl_that_makes_no_sense_is_refused_and_changes_nothing(target, ttl) -> None:
    with Cache(target, ttl=60, recorder=False) as cache:
        cache.put("a", "before")
        with pytest.raises(BadRequest):
            cache.put("a", "after", ttl=ttl)
        assert cache.get("a") == "before"
    with pytest.raises(BadRequest):
        Cache(target, ttl=ttl, recorder=False)


@pytest.mark.parametrize("memory", [0, 5])
@pytest.mark.parametrize("ttl", [0, "0s", 0.0])
def test_a_ttl_of_0_is_stale_at_once(target, clock, memory, ttl) -> None:
    with Cache(target, ttl=60, memory=memory, clock=clock, recorder=False) as cache:
        cache.put("a", 1, ttl=ttl)
        assert cache.get("a", "none") == "none"
        assert cache.stats().counted.expirations == 1


@pytest.mark.parametrize("ttl", [1e12, 1e300, math.inf])
def test_a_ttl_longer_than_a_century_is_for_ever(target, clock, ttl) -> None:
    with Cache(target, ttl=60, clock=clock, recorder=False) as cache:
        cache.put("a", 1, ttl=ttl)
        clock.advance(50 * 365 * 86_400)
        assert cache.get("a") == 1


@pytest.mark.parametrize("memory", [0, 5])
def test_a_clock_that_goes_back_harms_nothing(target, clock, memory) -> None:
    with Cache(target, ttl=60, capacity=2, memory=memory, clock=clock, recorder=False) as cache:
        cache.put("a", 1)
        clock.advance(-100_000)
        assert cache.get("a") == 1
        cache.put("b", 2)
        assert (cache.get("a"), cache.get("b")) == (1, 2)
        cache.put("c", 3)
        assert len(cache) == 2
        cache.cleanup_expired()


def test_tags_are_texts_and_one_may_stand_alone() -> None:
    with Cache("memory:tags", recorder=False) as cache:
        cache.put("a", 1, tags="red")
        assert cache.invalidate_tags("r") == 0
        assert cache.invalidate_tags("red") == 1
        with pytest.raises(BadRequest, match="tag"):
            cache.put("a", 1, tags=[5])


CALLS = {
    "get": lambda cache: cache.get("a"),
    "get_many": lambda cache: cache.get_many(["a"]),
    "get_first": lambda cache: cache.get_first("a", list),
    "get_or_load": lambda cache: cache.get_or_load("a", lambda: 1),
    "put": lambda cache: cache.put("a", 1),
    "invalidate": lambda cache: cache.invalidate("a"),
    "invalidate_tags": lambda cache: cache.invalidate_tags("a"),
    "invalidate_pattern": lambda cache: cache.invalidate_pattern("*"),
    "clear": lambda cache: cache.clear(),
    "cleanup_expired": lambda cache: cache.cleanup_expired(),
    "evict": lambda cache: cache.evict(to_entries=0),
    "compact": lambda cache: cache.compact(),
    "flush": lambda cache: cache.flush(),
    "stats": lambda cache: cache.stats(),
    "warm": lambda cache: cache.warm(["a"], str),
    "len": len,
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize("kind", ["memory:closed", TARGETS["multi-level"]])
def test_a_closed_cache_answers_with_a_sentence(tmp_path, kind, call) -> None:
    cache = Cache(kind.format(tmp_path), memory=5, recorder=False)
    cache.put("a", 1)
    cache.get("a")
    cache.close()
    cache.close()
    with pytest.raises(BadRequest, match="closed"):
        call(cache)


@pytest.mark.parametrize(
    "options",
    [
        {"ttl": -1},
        {"capacity": 0},
        {"max_bytes": 0},
        {"policy": "random"},
        {"memory": -1},
        {"compressed": -1},
        {"distributed": "multi-level:./x"},
    ],
)
def test_options_that_make_no_sense_are_refused_and_leave_nothing_open(target, options) -> None:
    with pytest.raises(BadRequest):
        Cache(target, recorder=False, **options)


def test_a_limit_to_evict_to_is_not_negative(target) -> None:
    with Cache(target, recorder=False) as cache:
        cache.put("a", 1)
        for limits in ({"to_entries": -1}, {"to_size": -5}, {"to_entries": 5, "to_size": -5}, {}):
            with pytest.raises(BadRequest):
                cache.evict(**limits)
        assert cache.get("a") == 1


def test_warming_loads_what_is_not_there_and_counts_no_lookup(target) -> None:
    with Cache(target, ttl=60, memory=5, recorder=False) as cache:
        cache.put("there", 1)
        told = []

        def load(key):
            if key == "bad":
                raise LookupError("no such thing")
            return key

        done = cache.warm(["there", "new", "bad"], load, progress=lambda *counts: told.append(counts))
        assert (done.loaded, done.present, dict(done.failed)) == (1, 1, {"bad": "no such thing"})
        assert told == [(1, 3), (2, 3), (3, 3)]
        counted = cache.stats().counted
        assert (counted.hits, counted.misses) == (0, 0)
        assert (cache.get("new"), cache.get("there")) == ("new", 1)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("memory", [0, 5])
def test_a_forked_child_goes_on_while_a_thread_of_its_parent_works(target, memory) -> None:
    with Cache(target, ttl=600, memory=memory, recorder=False) as cache:
        cache.put("a", 1)
        ended = threading.Event()

        def work() -> None:
            while not ended.is_set():
                cache.put("b", 2)
                cache.get("a")

        thread = threading.Thread(target=work)
        thread.start()
        for number in range(3):
            child = os.fork()
            if child == 0:
                signal.alarm(20)  # a child that waits for ever is ended, and that is seen
                cache.put(f"child-{number}", number)
                right = cache.get("a") == 1 and cache.get(f"child-{number}") == number
                os._exit(0 if right else 1)
            assert os.waitpid(child, 0)[1] == 0
        ended.set()
        thread.join()
        assert cache.get("child-2") == 2
