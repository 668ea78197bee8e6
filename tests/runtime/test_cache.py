import math
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
