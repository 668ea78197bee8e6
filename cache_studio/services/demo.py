"""The demo: live caches in a folder of their own, and one in Redis, kept busy by a child until it is closed."""

import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from cache_studio import isolation
from cache_studio.model.errors import CacheStudioError, CacheUnavailable
from cache_studio.model.targets import Target

PREFIX = "cache-studio-demo:cache:"
"""Where the demo's responses lie in Redis: its own corner of a server that may hold other things."""
FOLDER = "cache-studio-demo-"
"""How the name of a demo's folder begins, in the folder for temporary files."""
LIMITS = isolation.Limits(seconds=86_400.0, memory=2_000_000_000)
"""A demo ends after a day of waiting for its child at the latest."""
READY_SECONDS = 60.0


class Demo:
    """The applications at work, once it is started; leaving the block ends everything."""

    def __init__(self, *, start_redis: bool = False, seed: int = 7) -> None:
        """With `start_redis` a redis-server on a free loopback port joins; else one on 6379 where there is one."""
        self._seed = seed
        self._start_redis = start_redis
        self._stop = threading.Event()
        self._ready = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._failure: BaseException | None = None
        self._server: subprocess.Popen[bytes] | None = None
        self.targets: tuple[str, ...] = ()
        self.folder = Path()

    def start(self) -> tuple[str, ...]:
        """Begin to work and return what to attach, as soon as every cache is there; a second call changes nothing.

        Blocks for seconds. Raises CacheUnavailable when it cannot begin.
        """
        with self._lock:
            if self.targets:
                return self.targets
            self.folder = Path(tempfile.mkdtemp(prefix=FOLDER))
            redis_url = self._redis_url()
            self._thread = threading.Thread(target=self._work, args=(redis_url,), name="demo", daemon=True)
            self._thread.start()
            self._ready.wait(READY_SECONDS)
            if self._failure is not None:
                raise self._failure
            self.targets = tuple(self._targets(redis_url))
            return self.targets

    def __enter__(self) -> "Demo":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the child and the server and remove the folder. Safe to call twice."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(10)
            self._thread = None
        if self._server is not None:
            self._server.terminate()
            self._server.wait(10)
            self._server = None
        if self.folder.name:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _targets(self, redis_url: str) -> Iterator[str]:
        yield f"json-directory:{self.folder}/image comparisons/cache?ttl=10m"
        yield f"json-file:{self.folder}/AI responses/ai_responses.json?ttl=10m"
        yield f"multi-level:{self.folder}/AI operations"
        yield f"asset-cache:{self.folder}/media assets?ttl=12h"
        if redis_url:
            yield f"{redis_url}?format=redis-response&prefix={PREFIX}"

    def _work(self, redis_url: str) -> None:
        beats: Any = isolation.stream(
            "cache_studio.services.demo_workload:run",
            str(self.folder),
            redis_url,
            self._seed,
            limits=LIMITS,
            stop=self._stop,
        )
        try:
            for _ in beats:
                self._ready.set()
        except CacheStudioError as error:
            if not self._stop.is_set():
                self._failure = error
        finally:
            self._ready.set()

    def _redis_url(self) -> str:
        if self._start_redis:
            return self._own_server()
        return "redis://127.0.0.1:6379/0" if _answers(6379) else ""

    def _own_server(self) -> str:
        program = shutil.which("redis-server")
        if program is None:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise CacheUnavailable("There is no redis-server on this machine.", "Install it, or leave --redis out.")
        port = _free_port()
        self._server = subprocess.Popen(
            [
                program,
                "--port",
                str(port),
                "--bind",
                "127.0.0.1",
                "--save",
                "",
                "--notify-keyspace-events",
                "KA",
                "--dir",
                str(self.folder),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 10
        while not _answers(port) and time.monotonic() < deadline:
            time.sleep(0.02)
        return f"redis://127.0.0.1:{port}/0"


def is_of_demo(target: Target) -> bool:
    """Whether a cache is one of a demo's: it will be gone with it."""
    if target.is_url:
        return target.options.get("prefix") == PREFIX
    return target.location.startswith(str(Path(tempfile.gettempdir()) / FOLDER))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _answers(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.3) as connection:
        connection.settimeout(0.5)
        connection.sendall(b"PING\r\n")
        return connection.recv(16).startswith((b"+PONG", b"-NOAUTH"))
    return False
