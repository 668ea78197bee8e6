"""`doctor TARGET`, and the commands that change a server which opens read-only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from commands import Ended
from servers import HOST, RedisServer, free_port

from cache_studio.model.environments import Environment
from cache_studio.services.studio import Studio

pytestmark = pytest.mark.redis
Run = Callable[..., Ended]


def test_doctor_says_what_a_connection_is_like(command: Run, redis_url: str) -> None:
    found = command("doctor", redis_url, "--format", "json")
    assert found.code == 0
    told = found.json
    assert (told["target"], told["environment"], told["mode"]) == (redis_url, "development", "standalone")
    assert told["server"].startswith("Redis ")
    assert (told["user"], told["tls"], told["verified"]) == ("default", False, False)
    assert told["ping_ms"] > 0
    assert {"what": "remove", "allowed": True, "reason": None} in told["abilities"]
    shown = command("doctor", redis_url)
    assert shown.code == 0
    assert "Connected to Redis" in shown.err
    assert "allowed" in shown.out


def test_doctor_says_what_is_wrong(command: Run, redis_server: RedisServer) -> None:
    nobody = command("doctor", f"redis://{HOST}:{free_port()}", "--format", "json")
    assert (nobody.code, nobody.out) == (3, "")
    assert "No server answers" in nobody.err
    assert command("doctor", "./a/path").code == 2
    with RedisServer(["--requirepass", "secret"]) as server:
        assert "wants a password" in command("doctor", server.url).err


def test_production_is_changed_only_when_that_is_said(
    command: Run, redis_url: str, redis_server: RedisServer, tmp_path: Path
) -> None:
    for number in range(3):
        redis_server.command("SET", f"app:{number}", "value")
    studio = Studio(follow=False)
    place = replace(studio.resolve(f"{redis_url}?prefix=app:&format=redis"), name="orders")
    studio.remember(replace(place, environment=Environment.PRODUCTION))
    studio.close()
    for words in (("invalidate", "orders", "app:1"), ("clear", "orders"), ("ttl", "orders", "app:1", "--persist")):
        refused = command(*words, "--yes")
        assert refused.code == 1
        assert "in production" in refused.err
        assert "--allow-changes" in refused.err
    assert redis_server.command("DBSIZE") == ":3"
    looked = command("stats", "orders", "--format", "json")
    assert (looked.code, looked.json["entries"]) == (0, 3)
    assert "To be changed" not in looked.err
    assert command("watch", "orders", "--count", "1").code == 0
    assert command("snapshot", "orders", str(tmp_path / "now.json")).code == 0
    assert "--allow-changes" in command("watch", "orders", "--count", "1", "--announce").err
    assert command("watch", "orders", "--count", "1", "--announce", "--allow-changes").code == 0
    done = command("invalidate", "orders", "app:1", "--yes", "--allow-changes")
    assert done.code == 0
    assert f"PRODUCTION, {HOST}:{redis_server.port}, database 0" in done.err
    assert redis_server.command("DBSIZE") == ":2"
    assert "in production" in command("undo", "--yes").err
    assert command("undo", "--yes", "--allow-changes").code == 0
    assert redis_server.command("DBSIZE") == ":3"
    assert len(command("list", "orders", "--format", "json").json) == 3
    assert "--allow-changes" not in command("trash", "empty", "--help").out
