"""Renaming and emptying on a real server: never over a newer value, never more than was agreed to."""

from collections.abc import Iterator

import pytest
import redis
from contract import listing
from redis_caches import application, attached

from cache_studio.adapters.redis_keys.adapter import RedisKeysAdapter
from cache_studio.model.errors import BadRequest, EntryNotFound, UnsupportedAction

pytestmark = pytest.mark.redis


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    with application(redis_url) as found:
        yield found


def keys_adapter(adapter: object) -> RedisKeysAdapter:
    assert isinstance(adapter, RedisKeysAdapter)
    return adapter


def test_a_key_is_renamed_and_back_with_value_and_expiry(client: redis.Redis, redis_url: str) -> None:
    client.set("app:one", b"\x00value", px=500_000)
    moment = client.execute_command("PEXPIRETIME", "app:one")
    with attached(f"{redis_url}?prefix=app:") as opened:
        adapter = keys_adapter(opened)
        assert adapter.rename(listing(adapter)["app:one"].seen, "app:\udcffnew") == "app:\udcffnew"
        assert client.keys() == [b"app:\xffnew"]
        assert client.execute_command("PEXPIRETIME", b"app:\xffnew") == moment
        adapter.rename(listing(adapter)["app:\udcffnew"].seen, "app:one")
        assert (client.get("app:one"), client.execute_command("PEXPIRETIME", "app:one")) == (b"\x00value", moment)
        own_looks_of_this_test = 4
        assert (adapter.counters().hits, adapter.counters().misses) == (own_looks_of_this_test, 0)


def test_a_taken_name_and_a_newer_value_stay(
    client: redis.Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.mset({"old": "value", "taken": "other", "gone": 1})
    with attached(redis_url) as opened:
        adapter = keys_adapter(opened)
        rows = listing(adapter)
        client.delete("gone")
        with pytest.raises(UnsupportedAction, match="already"):
            adapter.rename(rows["old"].seen, "taken")
        with pytest.raises(EntryNotFound):
            adapter.rename(rows["gone"].seen, "free")
        for name in ("", "old"):
            with pytest.raises(BadRequest):
                adapter.rename(rows["old"].seen, name)
        compared = adapter._remover.do_if_seen
        for change in (lambda: client.set("free", "the application's"), lambda: client.append("old", "x" * 100)):

            def late(seen: object, commands: object, change: object = change) -> object:
                change()  # type: ignore[operator]
                return compared(seen, commands)  # type: ignore[arg-type]

            monkeypatch.setattr(adapter._remover, "do_if_seen", late)
            with pytest.raises(UnsupportedAction, match="changed"):
                adapter.rename(rows["old"].seen, "free")
            client.delete("free")
        with pytest.raises(UnsupportedAction, match="changed"):
            adapter.rename(rows["old"].seen, "free")
    assert sorted(client.keys()) == [b"old", b"taken"]
    assert client.get("taken") == b"other"


def test_what_may_not_be_renamed_is_said(client: redis.Redis, redis_url: str) -> None:
    client.set("app:a", 1)
    client.acl_setuser("narrow", enabled=True, nopass=True, keys=["*"], commands=["+@all", "-renamenx"])
    narrow = redis_url.replace("//", "//narrow:x@")
    with attached(f"{redis_url}?prefix=app:") as opened, pytest.raises(BadRequest, match="no key of this cache"):
        keys_adapter(opened).rename(listing(opened)["app:a"].seen, "other")
    with attached(redis_url, writable=False) as opened, pytest.raises(UnsupportedAction):
        keys_adapter(opened).rename(listing(opened)["app:a"].seen, "app:b")
    with attached(narrow) as opened, pytest.raises(UnsupportedAction, match="RENAMENX"):
        keys_adapter(opened).rename(listing(opened)["app:a"].seen, "app:b")
    client.acl_deluser("narrow")
    assert client.keys() == [b"app:a"]


def test_a_database_is_emptied_and_no_other(client: redis.Redis, redis_url: str) -> None:
    client.mset({f"k:{number}": 1 for number in range(100)})
    client.execute_command("SELECT", 1)
    client.set("elsewhere", 1)
    with attached(redis_url) as opened:
        adapter = keys_adapter(opened)
        assert adapter.flushed_place() == redis_url.removeprefix("redis://")
        assert adapter.flush() == 100
        assert listing(adapter) == {}
    assert client.exists("elsewhere")
    client.execute_command("SELECT", 0)


def test_a_part_of_a_database_is_not_flushed(client: redis.Redis, redis_url: str) -> None:
    client.set("app:a", 1)
    client.acl_setuser("narrow", enabled=True, nopass=True, keys=["*"], commands=["+@all", "-flushdb"])
    with attached(f"{redis_url}?prefix=app:") as opened, pytest.raises(UnsupportedAction, match="app:"):
        keys_adapter(opened).flush()
    with attached(redis_url, writable=False) as opened, pytest.raises(UnsupportedAction):
        keys_adapter(opened).flush()
    narrow = redis_url.replace("//", "//narrow:x@")
    with attached(narrow) as opened, pytest.raises(UnsupportedAction, match="FLUSHDB"):
        keys_adapter(opened).flush()
    client.acl_deluser("narrow")
    assert client.exists("app:a")
