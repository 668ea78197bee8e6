"""The response cache (S5): the contract, twins folded into their entries, metrics, and the runtime's door."""

import json
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import redis
from contract import AdapterContract, listing, rows_of, scan_all
from keeping import MemoryKeep
from redis_caches import application, attached, dumps, write_response
from servers import free_port

from cache_studio.adapters.key_access import Held
from cache_studio.adapters.redis_response.access import RedisResponseAccess
from cache_studio.adapters.registry import get_format
from cache_studio.model.errors import CacheUnavailable
from cache_studio.model.options import read_options
from cache_studio.model.seeing import Fate, Return
from cache_studio.model.targets import Target, parse_target
from cache_studio.recording.counts import Tally, to_fields
from cache_studio.recording.places import redis_recorder_prefix

pytestmark = pytest.mark.redis
PREFIX = "luciddreamer:cache:"
KEYS = tuple(f"{PREFIX}{i:064x}" for i in range(5))


class TestRedisResponseContract(AdapterContract):
    format_name = "redis-response"
    ordinary = KEYS
    forever = (f"{PREFIX}{'e' * 64}",)
    broken = (f"{PREFIX}{'0' * 63}f:meta", f"{PREFIX}{'d' * 64}")
    count = 9

    @pytest.fixture(autouse=True)
    def _server(self, redis_url: str) -> None:
        self.url = redis_url

    def make(self, tmp_path: Path) -> Target:
        with application(self.url) as client:
            for key in KEYS:
                write_response(client, key, "text of " + key)
            client.set(self.forever[0], '{"content": "kept for ever"}')
            client.set(PREFIX + "no twin", '{"content": "alone"}', ex=100)
            client.set(self.broken[0], '{"provider_used": "gone"}', ex=100)
            client.rpush(self.broken[1], "no response")
            client.set(f"{PREFIX}processing:{'a' * 64}", "1", ex=60)
            client.set(f"processing:{'a' * 64}", "1", ex=60)
            client.set("luciddreamer:metrics:request-1", "{}", ex=100)
        return parse_target(f"{self.url}?accessed=off&format=redis-response")

    def missing(self, tmp_path: Path) -> Target:
        return parse_target(f"redis://127.0.0.1:{free_port()}/0")

    def application_rewrites(self, target: Target, key: str) -> None:
        with application(target.location) as client:
            write_response(client, key, "a new and longer text " * 30, 3000)

    def application_deletes(self, target: Target, key: str) -> None:
        with application(target.location) as client:
            client.delete(key, key + ":meta")

    def recorder_beside(self, target: Target) -> None:
        with application(target.location) as client:
            recorded = to_fields(Tally(), time.time())
            client.hset(redis_recorder_prefix(PREFIX) + "1234", mapping=recorded)
            client.hset(PREFIX + "recorder:1234", mapping=recorded)

    def manifest(self, target: Target) -> Mapping[str, object]:
        return dumps(target)

    def stored(self, target: Target) -> Mapping[str, object]:
        return dumps(target)


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    with application(redis_url) as client:
        yield client


def test_an_entry_and_its_twin_are_one_row(client: redis.Redis, redis_url: str) -> None:
    write_response(client, KEYS[0], "hello")
    with attached(redis_url, "redis-response") as adapter:
        (row,) = listing(adapter).values()
        both = client.memory_usage(KEYS[0], samples=5) + client.memory_usage(KEYS[0] + ":meta", samples=5)
        assert (row.key, row.type, row.tags, row.size) == (KEYS[0], "json", ("openai",), both)
        assert row.created == pytest.approx(time.time(), abs=30)
        payload = adapter.read(row.id)
    assert json.loads(payload.pieces[0].data)["content"] == "hello"
    assert json.loads(payload.pieces[1].data)["provider_used"] == "openai"
    assert [piece.name for piece in payload.pieces] == ["value", "meta"]
    assert {"Provider": "openai", "Request": "request-hello"}.items() <= {
        f.name: f.value for f in payload.facts
    }.items()


def test_many_entries_are_each_one_row(client: redis.Redis, redis_url: str) -> None:
    for i in range(700):
        write_response(client, f"{PREFIX}{i:064x}", "text")
    with attached(redis_url, "redis-response") as adapter:
        batches, end = scan_all(adapter)
    keys = [key for batch in batches for key in batch.keys]
    assert end.complete
    assert sorted(keys) == [f"{PREFIX}{i:064x}" for i in range(700)]


def test_both_are_removed_and_restored_or_neither(client: redis.Redis, redis_url: str) -> None:
    write_response(client, KEYS[0], "hello")
    with attached(redis_url, "redis-response") as adapter:
        row = listing(adapter)[KEYS[0]]
        client.set(KEYS[0] + ":meta", '{"provider_used": "another one, longer than before"}', keepttl=True)
        assert adapter.remove([row.seen], None)[0].fate is Fate.CHANGED
        row = listing(adapter)[KEYS[0]]
        keep = MemoryKeep(lambda: client.append(KEYS[0] + ":meta", " "))
        assert adapter.remove([row.seen], keep)[0].fate is Fate.CHANGED
        assert client.exists(KEYS[0], KEYS[0] + ":meta") == 2
        row, keep = listing(adapter)[KEYS[0]], MemoryKeep()
        assert adapter.remove([row.seen], keep)[0].fate is Fate.REMOVED
        assert client.exists(KEYS[0], KEYS[0] + ":meta") == 0
        client.set(KEYS[0] + ":meta", "a newer twin alone")
        assert adapter.restore(keep.taken, keep)[0].fate is Return.NEWER_KEPT
        assert client.exists(KEYS[0]) == 0
        client.delete(KEYS[0] + ":meta")
        assert adapter.restore(keep.taken, keep)[0].fate is Return.RESTORED
        assert client.exists(KEYS[0], KEYS[0] + ":meta") == 2


def test_announced_changes_are_those_of_whole_entries(client: redis.Redis, redis_url: str) -> None:
    first, second, third = KEYS[:3]
    for key in (first, second, third):
        write_response(client, key, "hello")
    with attached(redis_url, "redis-response") as adapter:
        client.delete(first)
        client.delete(second, second + ":meta")
        client.set(third + ":meta", '{"provider_used": "another one, longer than before"}', keepttl=True)
        counters = adapter.counters()
        names = {first, second, second + ":meta", third + ":meta", PREFIX + "processing:x", "elsewhere"}
        batch, gone = adapter.changes(names)
        rows = {row.key: row for row in rows_of(batch)}
        assert set(rows) == {first + ":meta", third}
        assert set(gone) >= {first, second}
        assert not set(gone) & set(rows)
        assert rows[third].seen == listing(adapter)[third].seen
        assert adapter.counters() == counters


def test_another_prefix_and_hostile_twins(client: redis.Redis, redis_url: str) -> None:
    key = "shop:answers:" + "b" * 64
    client.set(key, "not JSON at all \xff", ex=50)
    client.set(key + ":meta", "[1, 2", ex=50)
    with attached(f"{redis_url}?prefix=shop:answers:", "redis-response") as adapter:
        (row,) = listing(adapter).values()
        assert (row.tags, row.created) == ((), None)
        assert adapter.read(row.id).facts == ()


def test_metrics_are_summed_by_provider(client: redis.Redis, redis_url: str) -> None:
    noted = [("openai", 100, 0.01), ("openai", 300, 0.03), ("local", 50, 0)]
    for i, (provider, took, cost) in enumerate(noted):
        request = {"provider": provider, "response_time_ms": took, "cost_usd": cost}
        client.set(f"luciddreamer:metrics:r{i}", json.dumps(request), ex=86400)
        client.zadd("luciddreamer:metrics", {f"r{i}": time.time() + i})
    client.zadd("luciddreamer:metrics", {"expired": 1})
    with attached(redis_url, "redis-response") as adapter:
        requests = adapter.details()["requests"]
    assert requests["count"] == 3
    assert requests["mean_response_time_ms"] == 150
    assert requests["cost_usd"] == pytest.approx(0.04)
    assert [part["provider"] for part in requests["providers"]] == ["local", "openai"]
    assert requests["providers"][1]["mean_response_time_ms"] == 200


def test_requests_are_told_for_periods_and_each_is_read_once(client: redis.Redis, redis_url: str) -> None:
    now = time.time()

    def note(name: str, ago: float, **request: object) -> None:
        client.set(f"luciddreamer:metrics:{name}", json.dumps(request))
        client.zadd("luciddreamer:metrics", {name: now - ago})

    for number in range(20):
        note(f"r{number}", 10.0, provider="north", response_time_ms=100 + number, cost_usd=0.5)
    note("old", 7200.0, provider="south", response_time_ms=1000)
    with attached(redis_url, "redis-response") as adapter:
        told = adapter.details()["requests"]
        assert told["count"] == 21
        periods = told["periods"]
        assert {name: part["count"] for name, part in periods.items()} == {
            "15 min": 20,
            "1 h": 20,
            "6 h": 21,
            "24 h": 21,
        }
        assert periods["1 h"]["slow_response_time_ms"] == 118
        assert (periods["1 h"]["cost_usd"], periods["6 h"]["mean_cost_usd"]) == (10.0, 0.5)
        assert [part["provider"] for part in periods["6 h"]["providers"]] == ["north", "south"]
        assert periods["6 h"]["providers"][1]["cost_usd"] is None
        gets = client.info("commandstats")["cmdstat_get"]["calls"]
        note("new", 0.0, provider="north")
        assert adapter.details()["requests"]["count"] == 22
        assert client.info("commandstats")["cmdstat_get"]["calls"] == gets + 1
        client.zremrangebyscore("luciddreamer:metrics", "-inf", now - 60)
        assert adapter.details()["requests"]["count"] == 21
        client.delete("luciddreamer:metrics")
        assert adapter.details()["requests"] == {"count": None, "providers": []}


def test_no_metrics_are_unknown_not_zero(redis_url: str) -> None:
    with attached(redis_url, "redis-response") as adapter:
        assert adapter.details()["requests"] == {"count": None, "providers": []}


def test_the_runtime_writes_what_the_studio_reads(client: redis.Redis, redis_url: str) -> None:
    target = parse_target(redis_url)
    access = RedisResponseAccess.open(target, read_options(get_format("redis-response").options, target.options))
    now = round(time.time(), 3)
    metadata = {"request_id": "r1", "provider_used": "openai"}
    access.put("c" * 64, Held(b'{"content": "x"}', now, now + 3600, metadata=metadata))
    held = access.get("c" * 64)
    assert (held.value, held.tags, held.metadata) == (b'{"content": "x"}', ("openai",), metadata)
    assert held.created == pytest.approx(now, abs=0.002)
    assert held.expires == pytest.approx(now + 3600, abs=5)
    assert json.loads(client.get(PREFIX + "c" * 64 + ":meta"))["ttl_seconds"] == 3600
    assert [(known.key, known.size) for known in access.known()] == [("c" * 64, 16)]
    with attached(redis_url, "redis-response") as adapter:
        (row,) = rows_of(adapter.fill(adapter.lookup([PREFIX + "c" * 64]).ids))
    assert (row.tags, row.problem) == (("openai",), "")
    assert row.created == pytest.approx(now, abs=0.002)
    access.put("c" * 64, Held(b"stale", now, now - 1))
    assert access.get("c" * 64) is None
    assert client.dbsize() == 0
    access.close()


def test_the_figures_of_requests_are_kept_for_a_day(client: redis.Redis, redis_url: str) -> None:
    target = parse_target(redis_url)
    access = RedisResponseAccess.open(target, read_options(get_format("redis-response").options, target.options))
    now = time.time()
    response = {
        "content": "x",
        "request_id": "r1",
        "provider_used": "north",
        "processing_time_ms": 300,
        "cost_usd": 0.02,
    }
    access.put("a" * 64, Held(json.dumps(response).encode(), now - 90_000, now + 60))
    access.put("b" * 64, Held(json.dumps(response | {"request_id": "r2", "cost_usd": True}).encode(), now, now + 60))
    beside = {"request_id": "r3", "provider_used": "south", "response_time_ms": 500, "cost_usd": 0.04}
    access.put("c" * 64, Held(b"no JSON", now, None, metadata=beside))
    access.put("d" * 64, Held(b'{"request_id": "r4", "cost_usd": "dear"}', now))
    assert client.zrange("luciddreamer:metrics", 0, -1) == [b"r2", b"r3"]
    assert all(86_000 < client.ttl(f"luciddreamer:metrics{part}") <= 86_400 for part in ("", ":r2", ":r3"))
    with attached(redis_url, "redis-response") as adapter:
        requests = adapter.details()["requests"]
    assert (requests["count"], requests["mean_response_time_ms"]) == (2, 400)
    assert requests["cost_usd"] == pytest.approx(0.04)
    assert [part["provider"] for part in requests["providers"]] == ["north", "south"]
    access.close()


def test_what_stands_in_the_way_of_the_figures_does_not_stop_a_response(client: redis.Redis, redis_url: str) -> None:
    target = parse_target(redis_url)
    access = RedisResponseAccess.open(target, read_options(get_format("redis-response").options, target.options))
    client.set("luciddreamer:metrics", "of the application")
    access.put("a" * 64, Held(b'{"request_id": "r1", "cost_usd": 1}', time.time(), time.time() + 60))
    assert access.get("a" * 64) is not None
    assert client.get("luciddreamer:metrics") == b"of the application"
    access.close()


def test_a_dead_server_is_a_sentence_for_the_runtime() -> None:
    target = parse_target(f"redis://127.0.0.1:{free_port()}/0")
    access = RedisResponseAccess.open(target, read_options(get_format("redis-response").options, target.options))
    for attempt in (
        lambda: access.get("a"),
        lambda: access.put("a", Held(b"{}", time.time())),
        lambda: access.delete("a"),
        lambda: list(access.known()),
    ):
        with pytest.raises(CacheUnavailable):
            attempt()
    access.close()
