"""Having a server announce, and setting that back: at the end, by the last of several, after a kill."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator

import pytest
import redis
from patience import PATIENCE
from servers import RedisServer

from cache_studio.config import paths
from cache_studio.model.errors import UnsupportedAction
from cache_studio.services.attachment import Attachment
from cache_studio.services.studio import Studio

pytestmark = pytest.mark.redis
FLAGS = "notify-keyspace-events"
_OTHER = """
import os, sys
from cache_studio.services.studio import Studio
studio = Studio(follow=False)
attachment = studio.attach(studio.resolve(sys.argv[1]))
attachment.listed().result(30)
if sys.argv[2] == "announce":
    studio.announcing.begin(attachment).result(30)
print("ready", flush=True)
if sys.stdin.readline() == "kill\\n":
    os.kill(os.getpid(), 9)
studio.close()
"""


@pytest.fixture
def server(redis_server: RedisServer) -> Iterator[RedisServer]:
    with RedisServer(["--notify-keyspace-events", "Eg"]) as server:
        yield server


@pytest.fixture
def client(server: RedisServer) -> Iterator[redis.Redis]:
    with redis.Redis(port=server.port, protocol=2, decode_responses=True) as client:
        yield client


@pytest.fixture
def following() -> Iterator[Studio]:
    studio = Studio(follow=True)
    yield studio
    studio.close()


def attached(studio: Studio, server: RedisServer, **options: bool) -> Attachment:
    attachment = studio.attach(studio.resolve(f"{server.url}?format=redis&prefix=app:", **options))
    attachment.listed().result(10)
    return attachment


def flags(client: redis.Redis) -> set[str]:
    return set(client.config_get(FLAGS)[FLAGS])


def other_studio(server: RedisServer, what: str) -> subprocess.Popen[str]:
    """Another process with the same cache attached; a line on its stdin ends it."""
    other = subprocess.Popen(
        [sys.executable, "-c", _OTHER, f"{server.url}?format=redis&prefix=app:", what],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert other.stdout is not None
    assert other.stdout.readline() == "ready\n"
    return other


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        threading.Event().wait(0.01)


def test_the_window_hears_misses_from_then_on_and_detaching_sets_it_back(
    following: Studio, server: RedisServer, client: redis.Redis
) -> None:
    attachment = attached(following, server)
    assert attachment.standing.details["misses"] is None
    assert following.announcing.begin(attachment).result(10)
    assert flags(client) == set("AEm")

    def hears() -> bool:
        attachment.refresh()
        return attachment.listed().result(10).details["live"]["misses"]

    wait_for(hears)
    client.get("app:none")
    wait_for(lambda: attachment.listed().result(10).details["misses"]["reasons"]["cold"] == 1)
    assert not following.announcing.begin(attachment).result(10)
    following.detach(attachment)
    assert flags(client) == set("Eg")
    assert list(paths.announced_folder().glob("*.json")) == []
    assert list(paths.announced_folder().glob("*.held")) == []


def test_what_somebody_else_set_meanwhile_stays(following: Studio, server: RedisServer, client: redis.Redis) -> None:
    attachment = attached(following, server)
    following.announcing.begin(attachment).result(10)
    client.config_set(FLAGS, "KA")
    following.detach(attachment)
    assert flags(client) == set("AK")


def test_of_two_studios_the_last_one_sets_it_back(following: Studio, server: RedisServer, client: redis.Redis) -> None:
    with other_studio(server, "announce") as other:
        attachment = attached(following, server)
        other.communicate("end\n", timeout=30)
        assert flags(client) == set("AEm")
        following.detach(attachment)
        assert flags(client) == set("Eg")


def test_two_attachments_of_one_studio(following: Studio, server: RedisServer, client: redis.Redis) -> None:
    first, second = attached(following, server), attached(following, server)
    following.announcing.begin(first).result(10)
    following.announcing.begin(second).result(10)
    following.detach(first)
    assert flags(client) == set("AEm")
    following.detach(second)
    assert flags(client) == set("Eg")


def test_a_killed_studio_is_told_of_and_the_next_attaching_sets_it_back(
    server: RedisServer, client: redis.Redis
) -> None:
    with other_studio(server, "announce") as other:
        other.communicate("kill\n", timeout=30)
    assert flags(client) == set("AEm")
    studio = Studio(follow=False)
    try:
        assert any(f"127.0.0.1:{server.port} still announces" in notice for notice in studio.notices)
        attached(studio, server)
        wait_for(lambda: flags(client) == set("Eg"))
        wait_for(lambda: studio.announcing.notices() == [])
    finally:
        studio.close()


def test_a_note_of_what_was_never_done_changes_nothing(
    following: Studio, server: RedisServer, client: redis.Redis
) -> None:
    folder = paths.private_folder(paths.announced_folder())
    note = {"announcer": f"127.0.0.1:{server.port}", "before": "Eg", "after": "AEm"}
    (folder / (following.announcing._path(note["announcer"], "json").name)).write_text(json.dumps(note))
    (folder / "broken.json").write_text("[]")
    attached(following, server)
    wait_for(lambda: following.announcing.notices() == [])
    assert flags(client) == set("Eg")


def test_read_only_and_forbidden_are_refused_with_the_line_to_enter(
    following: Studio, server: RedisServer, client: redis.Redis
) -> None:
    with pytest.raises(UnsupportedAction, match="read-only"):
        following.announcing.begin(attached(following, server, read_only=True)).result(10)
    client.acl_setuser("limited", enabled=True, nopass=True, keys="*", channels="*", commands=["+@all", "-config|set"])
    url = server.url.replace("redis://", "redis://limited:x@")
    attachment = following.attach(following.resolve(f"{url}?format=redis"))
    attachment.listed().result(10)
    with pytest.raises(UnsupportedAction) as raised:
        following.announcing.begin(attachment).result(10)
    assert "CONFIG SET notify-keyspace-events AEm" in raised.value.hint
    following.detach(attachment)
    assert flags(client) == set("Eg")
