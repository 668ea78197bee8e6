"""Live with Redis: what a server announces is in the list at once; where it announces nothing, it is polled."""

import json
import threading
import time
from collections.abc import Callable, Iterator

import pytest
import redis
from patience import PATIENCE
from servers import RedisServer

from cache_studio.model.capabilities import Ability
from cache_studio.model.seeing import Scope, Source
from cache_studio.runtime import Cache
from cache_studio.services import agenda
from cache_studio.services.attachment import Attachment
from cache_studio.services.standing import Phase
from cache_studio.services.studio import Studio

pytestmark = pytest.mark.redis


@pytest.fixture
def server(redis_server: RedisServer) -> Iterator[RedisServer]:
    """One that announces every change."""
    with RedisServer(["--notify-keyspace-events", "KA"]) as server:
        yield server


@pytest.fixture
def client(server: RedisServer) -> Iterator[redis.Redis]:
    with redis.Redis(port=server.port, protocol=2) as client:
        yield client


@pytest.fixture
def following() -> Iterator[Studio]:
    studio = Studio(follow=True)
    yield studio
    studio.close()


def attached(studio: Studio, server: RedisServer, format: str = "redis") -> Attachment:
    attachment = studio.attach(studio.resolve(f"{server.url}?format={format}&prefix=app:cache:"))
    attachment.listed().result(10)
    return attachment


def keys(attachment: Attachment) -> set[str]:
    view = attachment.standing.view
    return set() if view is None else {view.keys[row] for row in view.rows().tolist()}


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        threading.Event().wait(0.01)


def listeners() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("listening")]


def test_announced_changes_are_listed_without_a_new_listing(
    following: Studio, server: RedisServer, client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cache_studio.services.listening.POLL_RARELY", 600.0)
    client.mset({"app:cache:a": 1, "app:cache:b": 2, "elsewhere": 3})
    attachment = attached(following, server)
    assert len(listeners()) == 1
    wait_for(lambda: attachment._agenda.poll_every == 600.0)
    client.set("app:cache:c", "new")
    client.rename("app:cache:b", "app:cache:d")
    client.set("app:cache:e", "short", px=80)
    wait_for(lambda: keys(attachment) == {"app:cache:a", "app:cache:c", "app:cache:d"})
    following.detach(attachment)
    assert listeners() == []


def test_a_server_that_came_back_is_listened_to_again(
    following: Studio, server: RedisServer, client: redis.Redis
) -> None:
    attachment = attached(following, server)
    first = listeners()
    server.kill()
    wait_for(lambda: attachment.standing.phase is Phase.UNREACHABLE)
    wait_for(lambda: not first[0].is_alive())
    assert attachment._agenda.poll_every == agenda.POLL_EVERY
    server.start()
    attachment.refresh()
    wait_for(lambda: len(listeners()) == 1 and attachment.standing.phase is Phase.LIVE)
    client.set("app:cache:a", 1)
    wait_for(lambda: keys(attachment) == {"app:cache:a"})


def test_announcements_that_break_off_alone_begin_again(
    following: Studio, server: RedisServer, client: redis.Redis
) -> None:
    attachment = attached(following, server)
    first = listeners()
    client.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
    client.set("app:cache:a", 1)
    wait_for(lambda: keys(attachment) == {"app:cache:a"})
    wait_for(lambda: [thread for thread in listeners() if thread not in first] != [])
    client.set("app:cache:b", 1)
    wait_for(lambda: keys(attachment) == {"app:cache:a", "app:cache:b"})


def test_a_server_that_announces_nothing_tells_a_client_that_tracks(
    following: Studio, redis_server: RedisServer, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cache_studio.services.listening.POLL_RARELY", 600.0)
    attachment = attached(following, redis_server)
    wait_for(lambda: attachment._agenda.poll_every == 600.0)
    redis_server.command("SET", "app:cache:a", "1")
    wait_for(lambda: keys(attachment) == {"app:cache:a"})
    redis_server.command("FLUSHALL")
    wait_for(lambda: keys(attachment) == set())
    assert attachment.standing.details["live"]["changes"] == "tracked"


def test_a_server_that_tells_nothing_is_polled(
    following: Studio, redis_server: RedisServer, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cache_studio.adapters.redis_live.can_track", lambda link: False)
    attachment = attached(following, redis_server)
    assert listeners() == []
    assert "CONFIG SET" in attachment.standing.capabilities.why_not(Ability.WATCH)
    redis_server.command("SET", "app:cache:a", "1")
    wait_for(lambda: keys(attachment) == {"app:cache:a"})


def test_the_recorder_wins_over_the_server_and_details_have_both(following: Studio, server: RedisServer) -> None:
    response = {"request_id": "r1", "provider_used": "north", "processing_time_ms": 300, "cost_usd": 0.02}
    with Cache(f"{server.url}?format=redis-response&prefix=app:cache:", ttl=60) as cache:
        attachment = attached(following, server, "redis-response")
        assert attachment.standing.counters.scope is Scope.SERVER
        assert "recorder" not in attachment.standing.details
        cache.put("a" * 64, response)
        for key in ("a" * 64, "b" * 64, "c" * 64):
            cache.get(key)
        cache.flush()
        wait_for(lambda: attachment.standing.counters.scope is Scope.CACHE)
    standing = attachment.listed().result(10)
    counters = standing.counters
    assert (counters.hits, counters.misses, counters.source) == (1, 2, Source.RECORDED)
    assert counters.epoch
    assert standing.details["recorder"]["hits"] == 1
    assert standing.details["requests"]["mean_response_time_ms"] == 300
    json.dumps(standing.details)
    assert len(standing.view) == 1
