"""Following a real server: announced, tracked or polled; misses by reason without those of our own looks."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import cast

import pytest
import redis
from contract import listing
from patience import PATIENCE
from redis_caches import application, attached, write_response
from servers import RedisServer

from cache_studio.adapters.redis_adapter import RedisAdapter
from cache_studio.adapters.redis_flags import Flags, by_hand
from cache_studio.adapters.redis_stream import ChangeStream
from cache_studio.adapters.redis_tracked_changes import TrackedChanges
from cache_studio.model.capabilities import Ability
from cache_studio.model.errors import CacheUnavailable, EntryNotFound, UnsupportedAction

NO_TRACKING = ("~*", "&*", "+@all", "-client|tracking")


@pytest.fixture
def server(redis_server: RedisServer) -> Iterator[RedisServer]:
    """A server of one test; nothing is announced."""
    with RedisServer() as server:
        yield server


@pytest.fixture
def client(server: RedisServer) -> Iterator[redis.Redis]:
    with application(server.url) as client:
        yield client


def limited(server: RedisServer, *rules: str) -> str:
    """URL of a user with these rules only."""
    assert server.command("ACL", "SETUSER", "limited", "reset", "on", ">secret", *rules) == "+OK"
    return server.url.replace("redis://", "redis://limited:secret@")


def follow(adapter: RedisAdapter) -> ChangeStream:
    stream = adapter.announcements()
    assert stream is not None
    return stream


@contextmanager
def heard(stream: ChangeStream) -> Iterator[list[frozenset[str] | None]]:
    """What a listening thread is told."""
    told: list[frozenset[str] | None] = []

    def listen() -> None:
        for names in stream.changes():
            told.append(names)

    thread = threading.Thread(target=listen)
    thread.start()
    try:
        yield told
    finally:
        stream.stop()
        thread.join()
        stream.close()


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        threading.Event().wait(0.01)


def misses(adapter: RedisAdapter) -> dict[str, int]:
    """The reasons that have misses."""
    told = cast(dict[str, dict[str, int]], adapter.details()["misses"])
    return {reason: count for reason, count in told["reasons"].items() if count}


def count(adapter: RedisAdapter) -> int:
    return sum(misses(adapter).values())


# The setting.


def test_flags_are_completed_with_what_is_missing_and_no_more() -> None:
    assert Flags("").completed().text == "AKm"
    assert Flags("Eg").completed().letters == Flags("AEm").letters
    assert Flags("KEx").completed().letters == Flags("AKEm").letters
    assert Flags("Kn").completed().letters == Flags("AKnm").letters
    assert Flags("g$lshzxetEm").completed().text == "g$lshzxetEm"
    assert Flags("AK").tell_changes
    assert not Flags("AK").tell_misses
    assert not Flags("Am").speak
    assert by_hand(Flags("")) == "CONFIG SET notify-keyspace-events AKm"
    assert by_hand(None).startswith("CONFIG SET notify-keyspace-events AKm (and")


def test_the_server_means_the_same_by_what_it_answers(client: redis.Redis) -> None:
    for text in ("", "Eg", "KEx", "Kn", "Elm"):
        client.config_set("notify-keyspace-events", text)
        completed = Flags(text).completed()
        client.config_set("notify-keyspace-events", completed.text)
        answer = client.config_get("notify-keyspace-events")["notify-keyspace-events"]
        assert Flags(answer).letters == completed.letters


# How changes come.


def test_a_server_that_announces_nothing_is_tracked(server: RedisServer, client: redis.Redis) -> None:
    with attached(f"{server.url}?prefix=app:") as adapter:
        assert adapter.capabilities.can(Ability.WATCH)
        stream = follow(adapter)
        assert isinstance(stream, TrackedChanges)
        with heard(stream) as told:
            client.mset({"app:1": 1, "other:1": 1})
            client.set("app:2", 1, px=1)
            wait_for(lambda: {"app:1", "app:2"} <= set().union(*(names or () for names in told)))
            client.delete("app:1")
            wait_for(lambda: sum("app:1" in (names or ()) for names in told) == 2)
            client.flushdb()
            wait_for(lambda: told[-1] is None)
            assert not any("other:1" in (names or ()) for names in told)
        live = adapter.details()["live"]
        assert (live["changes"], live["misses"]) == ("tracked", False)
        assert "CONFIG SET notify-keyspace-events AKm" in live["note"]


def test_where_nothing_tells_of_changes_the_line_to_set_by_hand_is_said(server: RedisServer) -> None:
    with attached(limited(server, *NO_TRACKING, "-config")) as adapter:
        assert not adapter.capabilities.can(Ability.WATCH)
        reason = adapter.capabilities.why_not(Ability.WATCH)
        assert "CONFIG SET notify-keyspace-events AKm" in reason
        assert adapter.announcements() is None
        assert adapter.details()["live"]["changes"] == "polled"
        with pytest.raises(UnsupportedAction) as raised:
            adapter.announcing()
        assert "CONFIG SET notify-keyspace-events AKm" in raised.value.hint


def test_the_setting_is_changed_only_from_what_it_was(server: RedisServer, client: redis.Redis) -> None:
    client.config_set("notify-keyspace-events", "Eg")
    with attached(server.url) as adapter:
        before, after = adapter.announcing()
        assert Flags(after).tell_misses
        assert adapter.announce(before, after)
        assert adapter.announcing()[0] == client.config_get("notify-keyspace-events")["notify-keyspace-events"]
        client.config_set("notify-keyspace-events", "Kx")
        assert not adapter.announce(after, before)
        assert set(client.config_get("notify-keyspace-events")["notify-keyspace-events"]) == set("Kx")


def test_a_stream_ends_when_the_server_stops_to_announce(server: RedisServer, client: redis.Redis) -> None:
    client.config_set("notify-keyspace-events", "AKm")
    with attached(server.url) as adapter:
        stream = follow(adapter)
        assert stream.hears_misses
        client.config_set("notify-keyspace-events", "")
        adapter.measure()
        assert list(stream.changes()) == []
        stream.close()
        with heard(follow(adapter)):
            assert adapter.details()["live"]["changes"] == "tracked"


@pytest.mark.parametrize("before", ["", "AKE"])
def test_a_server_that_begins_to_announce_misses_is_heard(
    before: str, server: RedisServer, client: redis.Redis
) -> None:
    client.config_set("notify-keyspace-events", before)
    with attached(server.url) as adapter:
        stream = follow(adapter)
        assert not stream.hears_misses
        client.config_set("notify-keyspace-events", "AKEm")
        adapter.measure()
        assert list(stream.changes()) == []
        stream.close()
        with heard(follow(adapter)):
            adapter.measure()
            client.get("none")
            wait_for(lambda: count(adapter) == 1)
            assert adapter.details()["live"] == {"changes": "announced", "misses": True, "note": ""}


def test_a_server_that_freezes_ends_the_stream(server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cache_studio.adapters.redis_stream.QUIET_SECONDS", 0.2)
    with attached(f"{server.url}?timeout=200ms") as adapter:
        stream = follow(adapter)
        server.pause()
        try:
            with pytest.raises(CacheUnavailable, match="silent"):
                list(stream.changes())
        finally:
            server.resume()
        stream.close()


# Misses.


@pytest.mark.parametrize("flags", ["AKm", "AEm"])
def test_misses_have_their_reasons_and_our_own_looks_are_none(
    server: RedisServer, client: redis.Redis, flags: str
) -> None:
    client.config_set("notify-keyspace-events", flags)
    client.mset({f"app:{number}": number for number in range(20)})
    with attached(f"{server.url}?prefix=app:") as adapter, heard(follow(adapter)):
        ids = list(listing(adapter))
        for number in range(5):
            client.get(f"app:cold{number}")
            client.get(f"other:{number}")
        client.delete("app:0", "app:1", "app:2")
        client.pexpire("app:3", 1)
        client.rename("app:4", "app:renamed")
        wait_for(lambda: client.dbsize() == 16)  # which looks nothing up
        for turn in range(3):
            listing(adapter)
            adapter.lookup([f"app:gone{number}" for number in range(50)])
            adapter.changes(ids)
            for gone in ("app:0", "app:3"):
                with pytest.raises(EntryNotFound):
                    adapter.read(gone)
            client.get(f"app:{turn}")
        client.mget(["app:3", "app:4", "app:cold0", "app:5"])
        wait_for(lambda: count(adapter) >= 11)
        assert misses(adapter) == {"cold": 6, "deleted": 4, "expired": 1}
        told = adapter.details()["misses"]
        assert told["count"] == count(adapter)
        assert {"key": "app:cold0", "misses": 2, "reason": "cold"} in told["keys"]


def test_another_studios_looks_are_not_counted_either(server: RedisServer, client: redis.Redis) -> None:
    client.config_set("notify-keyspace-events", "AKm")
    with attached(server.url) as adapter, heard(follow(adapter)), attached(server.url) as other:
        for _ in range(20):
            other.lookup([f"none{number}" for number in range(100)])
            client.get("asked")
        wait_for(lambda: count(adapter) >= 20)
        assert misses(adapter) == {"cold": 20}


def test_what_the_server_evicts(server: RedisServer, client: redis.Redis) -> None:
    client.config_set("notify-keyspace-events", "AKm")
    with attached(server.url) as adapter, heard(follow(adapter)):
        used = client.info("memory")["used_memory"]
        client.config_set("maxmemory-policy", "allkeys-random")
        client.config_set("maxmemory", used + 200_000)
        for number in range(2_000):
            client.set(f"k{number}", "x" * 500)
        gone = [number for number in range(2_000) if client.get(f"k{number}") is None]
        assert gone
        wait_for(lambda: count(adapter) == len(gone))
        assert misses(adapter) == {"evicted": len(gone)}


def test_what_the_server_removes_a_second(server: RedisServer, client: redis.Redis) -> None:
    with attached(server.url) as adapter:
        assert adapter.details()["server_expired_per_second"] is None
        with client.pipeline() as pipeline:
            for number in range(50):
                pipeline.set(f"k{number}", 1, px=1)
            pipeline.execute()
        wait_for(lambda: client.dbsize() == 0)
        wait_for(lambda: adapter.details()["server_expired_per_second"] is not None)
        assert 0 < adapter.details()["server_expired_per_second"] <= 50
        assert adapter.details()["server_evicted_per_second"] == 0
        client.config_resetstat()
        assert adapter.details()["server_expired_per_second"] is None


def test_seconds_from_a_miss_to_the_value(server: RedisServer, client: redis.Redis) -> None:
    client.config_set("notify-keyspace-events", "AKm")
    with attached(server.url) as adapter, heard(follow(adapter)):
        asked = time.monotonic()
        for number in range(3):
            client.get(f"k{number}")
            wait_for(lambda number=number: count(adapter) == number + 1)
            threading.Event().wait(0.2)
            client.set(f"k{number}", 1)
            wait_for(lambda number=number: adapter.details()["misses"]["fills"] == number + 1)
        told = adapter.details()["misses"]["seconds_per_miss"]
        assert 0.2 <= told <= time.monotonic() - asked + 1


def test_a_twin_and_a_marker_are_no_lookups_of_a_response(server: RedisServer, client: redis.Redis) -> None:
    client.config_set("notify-keyspace-events", "AKm")
    prefix = "luciddreamer:cache:"
    write_response(client, f"{prefix}{1:064x}", "text")
    with attached(f"{server.url}?prefix={prefix}", "redis-response") as adapter, heard(follow(adapter)):
        key = f"{prefix}{2:064x}"
        client.mget([f"{prefix}processing:{key}", f"{key}:meta", key])
        listing(adapter)
        wait_for(lambda: count(adapter) == 1)
        assert adapter.details()["misses"]["keys"] == [{"key": key, "misses": 1, "reason": "cold"}]


def test_who_may_not_mark_its_looks_counts_no_misses(server: RedisServer, client: redis.Redis) -> None:
    client.config_set("notify-keyspace-events", "AKm")
    with attached(limited(server, "~*", "&*", "+@all", "-publish")) as adapter, heard(follow(adapter)):
        client.get("none")
        assert adapter.details()["misses"] is None
        assert adapter.details()["live"]["misses"] is False
        assert "PUBLISH" in adapter.details()["live"]["note"]
