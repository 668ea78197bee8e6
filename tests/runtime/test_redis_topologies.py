"""The runtime's Redis level on a cluster and behind Sentinels: one layout, and failovers that cost misses."""

import time

import leftovers
import pytest
from redis.crc import key_slot
from redis_topologies import Cluster, Sentinels, asked, client_of, wait_for

from cache_studio.adapters.redis_recorder import read_recorder
from cache_studio.adapters.registry import get_format
from cache_studio.model.options import read_options
from cache_studio.model.targets import parse_target
from cache_studio.runtime import Cache
from cache_studio.runtime.breaker import FAILURES

pytestmark = pytest.mark.redis
HEAD = "app:cache:"
QUERY = f"?prefix={HEAD}"


@pytest.fixture(scope="module")
def _cluster(redis_server):
    with Cluster(replicas=1) as cluster:
        leftovers.lasting.update(cluster.pids)
        yield cluster


@pytest.fixture
def cluster(_cluster):
    for server in {_cluster.owner(slot) for slot in (0, 8_000, 16_000)}:
        asked(server, "FLUSHALL")
    return _cluster


@pytest.fixture
def client(cluster):
    client = cluster.client()
    yield client
    client.close()


def opened(url, name="redis-response", **more):
    return Cache(f"{url}{QUERY}&format={name}", **{"recorder": False, **more})


def adapter_of(url, name="redis-response"):
    target, found = parse_target(f"{url}{QUERY}"), get_format(name)
    return found.adapter_class().open(target, read_options(found.options, target.options), writable=True)


def names_of(client):
    return {name for name in client.scan_iter("*", count=1000)}


# A cluster.


@pytest.mark.parametrize("name", ["redis", "redis-response"])
def test_what_is_put_is_got_and_removed(cluster, client, name):
    with opened(cluster.url, name) as cache:
        for i in range(50):
            cache.put(f"key{i}", {"n": i}, ttl=100)
        assert [cache.get(f"key{i}") for i in range(50)] == [{"n": i} for i in range(50)]
        assert cache.get_many([f"key{i}" for i in range(60)]) == {f"key{i}": {"n": i} for i in range(50)}
        assert cache.invalidate("key7")
        assert not cache.invalidate("key7")
        assert cache.get("key7") is None
        assert cache.invalidate_pattern("key1*") == 11
        assert cache.invalidate_pattern("*") == 38
    assert names_of(client) == set()


def test_an_entry_and_its_twin_share_a_slot(cluster, client):
    with opened(cluster.url) as cache:
        cache.put("a:b", 1, namespace="tts", tags=["one"])
        cache.put("plain", 2)
    names = names_of(client)
    assert names == {
        b"app:cache:{tts:a:b}",
        b"app:cache:{tts:a:b}:meta",
        b"app:cache:{plain}",
        b"app:cache:{plain}:meta",
    }
    assert len({key_slot(name) for name in names}) == 2
    adapter = adapter_of(cluster.url)
    try:
        batches = list(adapter.scan())
        assert {one for batch in batches for one in batch.ids} == {"app:cache:{tts:a:b}", "app:cache:{plain}"}
        assert {name for batch in batches for name in batch.namespaces} == {"tts", ""}
        assert not any(batch.problems for batch in batches)
    finally:
        adapter.close()


def test_what_the_original_application_stored_is_found_and_replaced(cluster, client):
    for part, value in (("", b'{"content": "old"}'), (":meta", b'{"provider_used": "openai", "cached_at": null}')):
        client.set(f"{HEAD}abc{part}", value, ex=100)
    with opened(cluster.url) as cache:
        assert cache.get("abc") == {"content": "old"}
        assert cache.get_many(["abc"]) == {"abc": {"content": "old"}}
        assert cache.invalidate_pattern("ab?") == 1
        client.set(f"{HEAD}abc", b'{"content": "old"}', ex=100)
        assert cache.invalidate("abc")
        assert names_of(client) == set()
        client.set(f"{HEAD}abc", b'{"content": "old"}', ex=100)
        cache.put("abc", {"content": "new"})
        assert names_of(client) == {b"app:cache:{abc}", b"app:cache:{abc}:meta"}
        assert cache.get("abc") == {"content": "new"}


def test_a_key_that_looks_tagged_is_another_one(cluster):
    with opened(cluster.url) as cache:
        cache.put("x", 1)
        assert cache.get("{x}") is None
        cache.put("{x}", 2)
        assert (cache.get("x"), cache.get("{x}")) == (1, 2)
        assert cache.invalidate("{x}")
        assert cache.get("x") == 1


def test_the_recorder_is_read_over_the_cluster(cluster, client):
    with opened(cluster.url, recorder=True) as cache:
        cache.put("a", 1)
        for _ in range(7):
            cache.get("a")
        for _ in range(3):
            cache.get("b")
    adapter = adapter_of(cluster.url)
    try:
        found = read_recorder(adapter._link, HEAD, time.time())
        assert found is not None
        assert (found.totals.hits, found.totals.misses) == (7, 3)
        (batch,) = adapter.scan()
        assert list(batch.ids) == ["app:cache:{a}"]
    finally:
        adapter.close()
    assert len({key_slot(name) for name in names_of(client) if b"recorder" in name}) == 1


def test_two_processes_worth_of_memory_hear_of_each_other(cluster):
    with opened(cluster.url, memory=100) as one, opened(cluster.url, memory=100) as two:
        for i in range(30):
            one.put(f"key{i}", i)
        assert [two.get(f"key{i}") for i in range(30)] == list(range(30))
        for i in range(30):
            one.put(f"key{i}", -i)
        wait_for(lambda: [two.get(f"key{i}") for i in range(30)] == [-i for i in range(30)], "the new values")


def test_keys_that_move_are_followed(cluster):
    with opened(cluster.url) as cache:
        names = [f"key{i}" for i in range(40)]
        for name in names:
            cache.put(name, name)
        slots = sorted({key_slot(name.encode()) for name in names})
        source = cluster.owner(slots[0])
        target = next(one for one in (cluster.owner(0), cluster.owner(8_000), cluster.owner(16_000)) if one != source)
        slot = slots[0]
        cluster.begin_move(slot, source, target)
        try:
            assert [cache.get(name) for name in names] == names
            for name in names:
                cache.put(name, name + "!")
        finally:
            cluster.move_keys(slot, source, target)
            cluster.end_move(slot, source, target)
        assert [cache.get(name) for name in names] == [name + "!" for name in names]


def test_a_lost_primary_costs_misses_until_its_replica_took_over(redis_server, expect_log):
    expect_log("Going on without it")
    with Cluster(replicas=1) as own, opened(own.url) as cache:
        names = [f"key{i}" for i in range(30)]
        for name in names:
            cache.put(name, name)
        for server in own.replicas:
            wait_for(lambda server=server: asked(server, "DBSIZE") > 0, "the replicas to have the keys")
        lost = next(name for name in names if own.owner(key_slot(f"{HEAD}{{{name}}}".encode())) is own.primaries[1])
        own.primaries[1].kill()
        assert [cache.get(lost) for _ in range(2 * FAILURES)] == [None] * (2 * FAILURES)
        own.lose(own.primaries[1])

        def goes_on():
            for name in names:
                cache.put(name, name + "!")
            return [cache.get(name) for name in names] == [name + "!" for name in names]

        wait_for(goes_on, "the replica to take over")
        assert cache.invalidate_pattern("*") == 30


# Sentinels.


def test_a_failover_costs_misses_and_no_errors(redis_server, expect_log):
    expect_log("Going on without it")
    with Sentinels() as sentinels, opened(sentinels.url, memory=0) as cache:
        cache.put("a", 1)
        assert cache.get("a") == 1
        sentinels.lose(sentinels.primary)
        for _ in range(5):
            assert cache.get("a") is None
            cache.put("a", 2)
        sentinels.wait_for_primary(sentinels.replica)

        def goes_on():
            cache.put("a", 3)
            return cache.get("a") == 3

        wait_for(goes_on, "the cache to come to the new primary")
        assert cache.invalidate("a")
        client = client_of(sentinels.replica)
        assert client.dbsize() == 0
        client.close()


def test_a_primary_that_steps_back_is_left(redis_server):
    with Sentinels() as sentinels, opened(sentinels.url) as cache:
        cache.put("a", "old")
        sentinels.fail_over()

        def goes_on():  # the old one takes writes until it is told that it is a replica now
            cache.put("a", "new")
            return asked(sentinels.replica, "GET", f"{HEAD}a") == '"new"'

        wait_for(goes_on, "the cache to come to the new primary")
        assert cache.get("a") == "new"
