"""What a server tells of changes: every write and removal, flushes, breaks; and how it ends."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
import redis
from patience import PATIENCE
from redis_caches import application, write_response
from servers import RedisServer, free_port

from cache_studio.adapters import redis_tracking
from cache_studio.adapters.key_access import Held, KeyAccess, Place
from cache_studio.adapters.registry import get_format
from cache_studio.model.options import read_options
from cache_studio.model.targets import parse_target

pytestmark = pytest.mark.redis
HEX = "a" * 64


def door(url: str, name: str = "redis") -> KeyAccess:
    """The door to a URL."""
    target, found = parse_target(url), get_format(name)
    return found.access_class().open(target, read_options(found.options, target.options))


class Ear:
    """Everything that was heard."""

    def __init__(self) -> None:
        self.heard: list[Place | None] = []
        self._news = threading.Condition()

    def __call__(self, place: Place | None) -> None:
        with self._news:
            self.heard.append(place)
            self._news.notify_all()

    def wait_for(self, fits: Callable[[list[Place | None]], bool]) -> None:
        """Wait until it fits; fails after the deadline."""
        with self._news:
            assert self._news.wait_for(lambda: fits(self.heard), PATIENCE), self.heard

    def forget(self) -> None:
        """Begin anew."""
        with self._news:
            self.heard.clear()


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    with application(redis_url) as client:
        yield client


@pytest.fixture
def ear() -> Ear:
    return Ear()


@pytest.fixture
def keys(redis_url: str, ear: Ear) -> Iterator[KeyAccess]:
    with closing(door(f"{redis_url}?prefix=app:")) as access:
        assert access.listen(ear) is not None
        yield access


def test_writes_and_removals_of_anybody_are_told(keys: KeyAccess, client: redis.Redis, ear: Ear) -> None:
    client.set("app:one", "x")
    ear.wait_for(lambda heard: ("", "one") in heard)
    client.set("other:one", "x")
    client.delete("app:one")
    ear.wait_for(lambda heard: heard.count(("", "one")) == 2)
    keys.put("two", Held(b"x", time.time()))
    ear.wait_for(lambda heard: ("", "two") in heard)
    client.set("app:soon", "x", px=20)
    ear.wait_for(lambda heard: heard.count(("", "soon")) == 2)
    assert set(ear.heard) == {("", "one"), ("", "two"), ("", "soon")}


def test_every_entry_that_a_name_may_be_is_told(keys: KeyAccess, client: redis.Redis, ear: Ear) -> None:
    client.set("app:a:b:c", "x")
    ear.wait_for(lambda heard: {("", "a:b:c"), ("a", "b:c"), ("a:b", "c")} <= set(heard))
    client.set("app:" + "x:" * 5000, "x")
    ear.wait_for(lambda heard: None in heard)
    assert len(ear.heard) == 4


def test_many_changes_at_once_are_all_told(keys: KeyAccess, client: redis.Redis, ear: Ear) -> None:
    client.mset({f"app:{number}": "x" * 100 for number in range(5000)})
    ear.wait_for(lambda heard: len(heard) >= 5000)
    assert set(ear.heard) == {("", str(number)) for number in range(5000)}


def test_a_flush_is_told_as_anything(keys: KeyAccess, client: redis.Redis, ear: Ear) -> None:
    client.flushdb()
    ear.wait_for(lambda heard: heard == [None])


def test_a_twin_is_told_as_its_entry_and_a_marker_not_at_all(client: redis.Redis, redis_url: str, ear: Ear) -> None:
    with closing(door(redis_url, "redis-response")) as access:
        access.listen(ear)
        access.claim(HEX, "", "token", 60)
        access.release(HEX, "", "token", "a problem")
        write_response(client, f"luciddreamer:cache:{HEX}", "hello")
        access.put("x:meta", Held(b"{}", time.time()), "ns:1")
        client.delete(f"luciddreamer:cache:{HEX}:meta")
        client.set("luciddreamer:cache:last", "x")
        ear.wait_for(lambda heard: ("", "last") in heard)
    assert set(ear.heard) == {("", HEX), ("ns:1", "x:meta"), ("", "last")}


def test_without_a_prefix_every_key_is_told(redis_url: str, client: redis.Redis, ear: Ear) -> None:
    with closing(door(redis_url)) as access:
        access.listen(ear)
        client.set("any", "x")
        ear.wait_for(lambda heard: heard == [("", "any")])


def test_listening_counts_no_hits(keys: KeyAccess, client: redis.Redis, ear: Ear) -> None:
    client.config_resetstat()
    client.set("app:one", "x")
    ear.wait_for(lambda heard: ("", "one") in heard)
    stats = client.info("stats")
    assert (stats["keyspace_hits"], stats["keyspace_misses"]) == (0, 0)


def test_a_broken_connection_is_told_twice(keys: KeyAccess, client: redis.Redis, ear: Ear) -> None:
    client.client_kill_filter(_type="normal", skipme=True)
    ear.wait_for(lambda heard: heard == [None, None])
    client.set("app:one", "x")
    ear.wait_for(lambda heard: ("", "one") in heard)


def test_it_comes_back_with_the_server(ear: Ear) -> None:
    with RedisServer() as server, closing(door(server.url)) as access:
        access.listen(ear)
        server.kill()
        ear.wait_for(lambda heard: heard == [None])
        server.start()
        ear.wait_for(lambda heard: heard == [None, None])
        with application(server.url) as client:
            client.set("one", "x")
        ear.wait_for(lambda heard: ("", "one") in heard)


def test_a_server_that_is_not_there_yet_is_waited_for(ear: Ear) -> None:
    server = RedisServer()
    with closing(door(server.url)) as access:
        assert access.listen(ear) is not None
        with server:
            ear.wait_for(lambda heard: heard == [None])
            with application(server.url) as client:
                client.set("one", "x")
            ear.wait_for(lambda heard: ("", "one") in heard)


def test_a_server_that_hangs_is_noticed(monkeypatch: pytest.MonkeyPatch, ear: Ear) -> None:
    monkeypatch.setattr(redis_tracking, "QUIET_SECONDS", 0.05)
    with RedisServer() as server, closing(door(f"{server.url}?timeout=300ms")) as access:
        access.listen(ear)
        with application(server.url) as client:
            asked = time.monotonic() + PATIENCE
            while client.info("commandstats").get("cmdstat_ping", {"calls": 0})["calls"] < 4:
                assert time.monotonic() < asked
        assert ear.heard == []  # it was asked, and answered
        server.pause()
        ear.wait_for(lambda heard: heard == [None])
        server.resume()
        ear.wait_for(lambda heard: heard == [None, None])


def test_a_user_without_the_right_hears_nothing(client: redis.Redis, redis_url: str, ear: Ear) -> None:
    client.acl_setuser(
        "deaf", enabled=True, nopass=True, keys=["*"], categories=["+@all"], commands=["-client|tracking"]
    )
    with closing(door(redis_url.replace("//", "//deaf@"))) as access:
        assert access.listen(ear) is None
    client.acl_deluser("deaf")


def test_a_listener_that_fails_is_called_again(
    redis_url: str, client: redis.Redis, ear: Ear, expect_log: Callable[[str], None]
) -> None:
    expect_log("could not be passed on")

    def fail_first(place: Place | None) -> None:
        ear(place)
        if len(ear.heard) == 1:
            raise ValueError("a bug of the application")

    with closing(door(redis_url)) as access:
        access.listen(fail_first)
        client.set("one", "x")
        ear.wait_for(lambda heard: len(heard) == 1)
        client.set("two", "x")
        ear.wait_for(lambda heard: ("", "two") in heard)


@pytest.mark.parametrize("there", [True, False])
def test_closing_ends_the_thread_at_once(redis_server: RedisServer, ear: Ear, there: bool) -> None:
    before = threading.active_count()
    with closing(door(redis_server.url if there else f"redis://127.0.0.1:{free_port()}/0")) as access:
        listener = access.listen(ear)
        assert threading.active_count() == before + 1
        began = time.monotonic()
        listener.close()
        listener.close()
        assert time.monotonic() - began < PATIENCE
        assert threading.active_count() == before
    assert ear.heard == []


def test_a_listener_may_close_itself(redis_url: str, client: redis.Redis, ear: Ear) -> None:
    with closing(door(redis_url)) as access:

        def once(place: Place | None) -> None:
            listener.close()
            ear(place)

        listener = access.listen(once)
        client.mset({"one": "x", "two": "x"})
        ear.wait_for(lambda heard: len(heard) == 1)


def test_what_another_process_removes_is_told(keys: KeyAccess, redis_url: str, ear: Ear) -> None:
    keys.put("one", Held(b"x", time.time()))
    ear.wait_for(lambda heard: heard == [("", "one")])
    ear.forget()
    program = (
        "import sys; sys.path[:0] = ['tests', 'tests/adapters']; from test_redis_tracking import door;"
        "access = door(sys.argv[1]); assert access.delete('one'); access.close()"
    )
    words = [sys.executable, "-c", program, f"{redis_url}?prefix=app:"]
    subprocess.run(words, cwd=Path(__file__).parents[2], check=True, timeout=30)
    ear.wait_for(lambda heard: heard == [("", "one")])
