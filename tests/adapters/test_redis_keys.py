"""Plain Redis: the contract, types, namespaces, and a model that the adapter must agree with."""

import json
import math
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
import redis
from contract import AdapterContract, listing, rows_of, scan_all
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from keeping import MemoryKeep
from redis_caches import application, attached, dumps

from cache_studio.adapters import redis_adapter, redis_listing
from cache_studio.adapters.key_access import Held
from cache_studio.adapters.redis_keys.access import RedisKeysAccess
from cache_studio.adapters.registry import get_format
from cache_studio.model.columns import ScanEnd
from cache_studio.model.options import read_options
from cache_studio.model.seeing import Fate, Return
from cache_studio.model.targets import Target, parse_target
from cache_studio.recording.counts import Tally, to_fields
from cache_studio.recording.places import redis_recorder_prefix

pytestmark = pytest.mark.redis
PREFIX = "app:"
HOSTILE = 'app:<img src="x">\x00\n\u202e:key'


class TestRedisKeysContract(AdapterContract):
    format_name = "redis"
    ordinary = ("app:user:1", "app:user:2", "app:user:3", "app:page:a", HOSTILE)
    forever = ("app:forever", "app:list", "app:hash", "app:set", "app:zset", "app:intset")

    @pytest.fixture(autouse=True)
    def _server(self, redis_url: str) -> None:
        self.url = redis_url

    def make(self, tmp_path: Path) -> Target:
        with application(self.url) as client:
            for key in self.ordinary:
                client.set(key, f"value of {key}", px=3_600_000)
            client.set(b"app:\xff\x00\nbinary", b"\x00\x01", ex=60)
            client.set("app:forever", "x" * 100)
            client.rpush("app:list", "one", b"\xff two")
            client.hset("app:hash", mapping={"field": "value", "other": "1"})
            client.sadd("app:set", "a")  # of several, the order is not kept by RESTORE
            client.zadd("app:zset", {"low": 1, "high": 2.5, "endless": math.inf})
            client.sadd("app:intset", 1, 2, 3)
            client.set("elsewhere:1", "not under the prefix")
            client.set("xpp:user:1", "neither")
        # Reading changes times of last use on servers before 7.2, so the contract looks without them.
        return parse_target(f"{self.url}?prefix={PREFIX}&accessed=off&format=redis")

    def missing(self, tmp_path: Path) -> Target:
        return parse_target("redis://127.0.0.1:1/0")

    def application_rewrites(self, target: Target, key: str) -> None:
        with application(target.location) as client:
            client.delete(key)
            client.set(key, "another, longer value " * 20, px=3_500_000)

    def application_deletes(self, target: Target, key: str) -> None:
        with application(target.location) as client:
            client.delete(key)

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
def client(redis_url: str) -> redis.Redis:
    with application(redis_url) as client:
        yield client


def test_namespaces_are_what_stands_before_the_last_separator(client: redis.Redis, redis_url: str) -> None:
    for key in ("app:a:b:1", "app:a:2", "app:3"):
        client.set(key, 1)
    with attached(f"{redis_url}?prefix=app:") as adapter:
        assert {row.key: row.namespace for row in listing(adapter).values()} == {
            "app:a:b:1": "a:b",
            "app:a:2": "a",
            "app:3": "",
        }
    with attached(f"{redis_url}?separator=/") as adapter:
        assert {row.namespace for row in listing(adapter).values()} == {""}


def test_a_prefix_is_literal(client: redis.Redis, redis_url: str) -> None:
    for key in ("a*[b]?\\:1", "abb:1", "a*b:1"):
        client.set(key, 1)
    with attached(f"{redis_url}?prefix=a*[b]%3F%5C:") as adapter:
        assert [row.key for row in listing(adapter).values()] == ["a*[b]?\\:1"]


def test_collections_are_read_as_json(client: redis.Redis, redis_url: str) -> None:
    client.hset("hash", mapping={f"field {i}": f"v{i}" for i in range(1000)})
    client.rpush("list", *range(1000))
    client.sadd("set", *range(1000))
    client.zadd("zset", {f"m{i}": i / 2 for i in range(500)} | {"endless": math.inf})
    for i in range(450):
        client.xadd("stream", {"n": i}, id=f"{i + 1}-0")
    with attached(redis_url) as adapter:
        shown = {key: json.loads(adapter.read(key).pieces[0].data) for key in ("hash", "list", "set", "zset", "stream")}
        cut = adapter.read("list", max_bytes=50).pieces[0]
    assert shown["hash"] == {f"field {i}": f"v{i}" for i in range(1000)}
    assert shown["list"] == [str(i) for i in range(1000)]
    assert sorted(shown["set"], key=int) == [str(i) for i in range(1000)]
    assert shown["zset"][1] == {"member": "m1", "score": 0.5}
    assert shown["zset"][-1] == {"member": "endless", "score": "inf"}
    assert len(shown["zset"]) == 501
    assert [entry["fields"]["n"] for entry in shown["stream"]] == [str(i) for i in range(450)]
    assert len(cut.data) == 50 < cut.total


def test_a_large_value_is_cut_and_comes_back_whole(client: redis.Redis, redis_url: str) -> None:
    large = b"abcdefgh" * 1_500_000  # 12 MB: compared by its ends, not by its content
    client.set("large", large, px=500_000)
    with attached(redis_url) as adapter:
        cut = adapter.read("large", max_bytes=1000).pieces[0]
        assert (cut.data, cut.total) == (large[:1000], len(large))
        keep, row = MemoryKeep(), next(iter(listing(adapter).values()))
        assert [removal.fate for removal in adapter.remove([row.seen], keep)] == [Fate.REMOVED]
        assert adapter.present(keep.taken) == [False]
        assert [back.fate for back in adapter.restore(keep.taken, keep)] == [Return.RESTORED]
        assert adapter.present(keep.taken) == [True]
    assert client.get("large") == large


def test_times_of_last_use_are_told_and_come_back(client: redis.Redis, redis_url: str) -> None:
    client.set("plain", "value")
    client.restore("old", 0, client.dump("plain"), idletime=5000)
    with attached(redis_url) as adapter:
        before = listing(adapter)["old"]
        assert before.accessed == pytest.approx(time.time() - 5000, abs=30)
        assert listing(adapter)["old"].accessed == before.accessed
        keep = MemoryKeep()
        adapter.remove([before.seen], keep)
        adapter.restore(keep.taken, keep)
        assert listing(adapter)["old"].accessed == before.accessed


def test_a_changed_expiry_alone_is_a_change(client: redis.Redis, redis_url: str) -> None:
    client.set("key", "value", px=100_000)
    with attached(redis_url) as adapter:
        row = listing(adapter)["key"]
        client.pexpire("key", 200_000)
        for keep in (MemoryKeep(), None):
            assert [removal.fate for removal in adapter.remove([row.seen], keep)] == [Fate.CHANGED]
        row = listing(adapter)["key"]
        keep = MemoryKeep(lambda: client.persist("key"))
        assert [removal.fate for removal in adapter.remove([row.seen], keep)] == [Fate.CHANGED]
    assert client.get("key") == b"value"


def test_a_copy_that_expired_is_not_brought_back_and_it_is_said(client: redis.Redis, redis_url: str) -> None:
    client.set("key", "value", px=700)
    with attached(redis_url) as adapter:
        row, keep = listing(adapter)["key"], MemoryKeep()
        assert adapter.remove([row.seen], keep)[0].fate is Fate.REMOVED
        while time.time() < row.expires:
            client.ping()
        answer = adapter.restore(keep.taken, keep)[0]
    assert answer.fate is Return.FAILED
    assert "expired" in answer.reason
    assert not client.exists("key")


def test_what_expired_since_it_was_seen_is_gone(client: redis.Redis, redis_url: str) -> None:
    client.set("key", "value", px=100_000)
    with attached(redis_url) as adapter:
        row = listing(adapter)["key"]
        client.pexpire("key", 1)
        while client.exists("key"):
            pass
        assert adapter.remove([row.seen], MemoryKeep())[0].fate is Fate.GONE


def test_a_damaged_copy_is_refused_and_the_rest_comes_back(client: redis.Redis, redis_url: str) -> None:
    client.mset({"a": "first", "b": "second"})
    with attached(redis_url) as adapter:
        keep, rows = MemoryKeep(), listing(adapter)
        adapter.remove([rows["a"].seen, rows["b"].seen], keep)
        damaged = keep.taken[0]
        broken = type(damaged)(damaged.key, "", damaged.size, damaged.data[:-1] + b"\x00", damaged.id)
        answers = adapter.restore([broken, keep.taken[1]], keep)
    assert [answer.fate for answer in answers] == [Return.FAILED, Return.RESTORED]
    assert "checksum" in answers[0].reason


def test_a_listing_that_never_ends_is_ended_and_said(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis_listing, "MOST_TIMES", 0)
    monkeypatch.setattr(redis_listing, "SPARE_CALLS", 2)
    with application(redis_url) as client, attached(redis_url) as adapter:
        client.mset({f"k:{number}": "x" for number in range(5_000)})
        batches, end = scan_all(adapter)
        assert not end.complete
        assert end.reason == "Keys are added faster than they can be listed."
        assert 0 < sum(len(batch) for batch in batches) < 5_000


def test_a_listing_is_complete_while_the_table_grows(client: redis.Redis, redis_url: str) -> None:
    client.mset({f"steady:{i}": i for i in range(3000)})
    with attached(redis_url) as adapter:
        keys: list[str] = []
        for number, batch in enumerate(adapter.scan()):
            keys += batch.keys
            client.mset({f"new:{number}:{i}": i for i in range(4000)})
    assert len(keys) == len(set(keys))
    assert {f"steady:{i}" for i in range(3000)} <= set(keys)


def test_a_listing_lets_the_window_pass_before_each_page(
    client: redis.Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.mset({f"k:{i}": i for i in range(3_000)})
    passed: list[int] = []
    monkeypatch.setattr(redis_adapter.precedence, "let_pass", lambda: passed.append(1))
    with attached(redis_url) as adapter:
        assert len(listing(adapter)) == 3_000
    assert len(passed) >= 3_000 // redis_listing.PAGE_KEYS


def test_no_command_of_ours_holds_the_server(client: redis.Redis, redis_url: str) -> None:
    client.mset({f"k:{i}": "x" * 100 for i in range(20_000)})
    client.sadd("big", *range(50_000))
    client.config_resetstat()
    with attached(redis_url) as adapter:
        assert scan_all(adapter)[1] == ScanEnd()
        adapter.read("big", max_bytes=100_000)
    used = {name: figures["usec_per_call"] for name, figures in client.info("commandstats").items()}
    assert max(used.values()) < 20_000
    assert not {"cmdstat_keys", "cmdstat_flushdb", "cmdstat_flushall", "cmdstat_smembers"} & set(used)


def test_the_runtime_writes_what_the_studio_reads(redis_url: str) -> None:
    target = parse_target(f"{redis_url}?prefix=app:")
    access = RedisKeysAccess.open(target, read_options(get_format("redis").options, target.options))
    now = time.time()
    access.put("one", Held(b"first", now, now + 100), "ns:deep")
    access.put("two", Held(b"second", now))
    access.put("late", Held(b"stale", now, now - 1))
    assert access.get("one", "ns:deep").value == b"first"
    assert access.get("one", "ns:deep").expires == pytest.approx(now + 100, abs=5)
    assert access.get("two").expires is None
    assert access.get("late") is None
    assert {(known.key, known.namespace, known.size) for known in access.known()} == {
        ("one", "ns:deep", 5),
        ("two", "", 6),
    }
    with attached(str(target)) as adapter:
        rows = {(row.key, row.namespace) for row in listing(adapter).values()}
        assert adapter.read("app:ns:deep:one").pieces[0].data == b"first"
    assert rows == {("app:ns:deep:one", "ns:deep"), ("app:two", "")}
    assert access.delete("two")
    assert not access.delete("two")
    access.close()


class RedisModel(RuleBasedStateMachine):
    """The application writes and deletes, the studio removes and restores; a dict says what must be there."""

    url = ""
    keys = st.sampled_from([f"m:{i}" for i in range(6)])

    def __init__(self) -> None:
        super().__init__()
        self.client = redis.Redis.from_url(self.url, protocol=2)
        self.client.flushdb()
        self.opened = attached(f"{self.url}?prefix=m:&accessed=off")
        self.adapter = self.opened.__enter__()
        self.model: dict[str, tuple[bytes, bool]] = {}
        self.kept: list[tuple[str, tuple[bytes, bool], MemoryKeep]] = []

    def teardown(self) -> None:
        self.opened.__exit__(None, None, None)
        self.client.close()

    @rule(key=keys, value=st.binary(max_size=40), forever=st.booleans())
    def write(self, key: str, value: bytes, forever: bool) -> None:
        self.client.set(key, value, ex=None if forever else 900)
        self.model[key] = (value, forever)

    @rule(key=keys)
    def delete(self, key: str) -> None:
        self.client.delete(key)
        self.model.pop(key, None)

    @rule(key=keys)
    def remove(self, key: str) -> None:
        rows = rows_of(self.adapter.lookup([key]))
        assert bool(rows) == (key in self.model)
        if rows:
            keep = MemoryKeep()
            assert self.adapter.remove([rows[0].seen], keep)[0].fate is Fate.REMOVED
            self.kept.append((key, self.model.pop(key), keep))

    @rule()
    def restore_last(self) -> None:
        if self.kept:
            key, value, keep = self.kept.pop()
            fate = self.adapter.restore(keep.taken, keep)[0].fate
            assert fate is Return.RESTORED or key in self.model
            self.model.setdefault(key, value)

    @invariant()
    def agrees(self) -> None:
        rows = {row.key: row for row in listing(self.adapter).values()}
        assert {key: (rows[key].expires == math.inf) for key in rows} == {k: f for k, (_v, f) in self.model.items()}
        assert {key: self.adapter.read(key).pieces[0].data for key in rows} == {
            k: v for k, (v, _f) in self.model.items()
        }


def test_the_adapter_agrees_with_a_model(redis_url: str) -> None:
    RedisModel.url = redis_url
    short = settings(max_examples=12, stateful_step_count=15, deadline=None, suppress_health_check=list(HealthCheck))
    run_state_machine_as_test(RedisModel, settings=short)
