"""What every test gets: an empty home, a fixed clock, a guard against leftovers and unexpected warnings."""

from __future__ import annotations

import gc
import itertools
import logging
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")  # before anything imports Qt

import leftovers
import pytest
from hypothesis import settings
from servers import RedisServer, find_redis_server

settings.register_profile("no clock", deadline=None)  # a machine that stands still fails no test
settings.load_profile("no clock")

HOME_FOLDERS = {
    "HOME": "",
    "USERPROFILE": "",
    "XDG_CONFIG_HOME": "config",
    "XDG_DATA_HOME": "data",
    "XDG_CACHE_HOME": "cache",
    "XDG_STATE_HOME": "state",
    "XDG_RUNTIME_DIR": "run",
    "APPDATA": "roaming",
    "LOCALAPPDATA": "local",
}
MEMORY = Path("/dev/shm")
"""Where folders in memory can be made: on a disk a run waits for `fsync` and new folders for most of its time."""
ROOM = 1_000_000_000
"""Bytes that must be free there; a container may give it 64 MB."""
_home_numbers = itertools.count()


class FixedClock:
    """A clock that stands still: call it for the time in UTC epoch seconds, `advance` it by hand."""

    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        """Let that many seconds pass."""
        self.now += seconds


class WarningTrap(logging.Handler):
    """Collects warnings and worse of `cache_studio`, from any thread."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.messages: list[str] = []
        self.expected: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the message; a test is failed at its end, in its own thread."""
        self.messages.append(f"{record.levelname} {record.name}: {record.getMessage()}")

    def problems(self) -> list[str]:
        """Messages nobody expected, and expectations nothing fulfilled."""
        unexpected = [text for text in self.messages if not any(part in text for part in self.expected)]
        silent = [part for part in self.expected if not any(part in text for text in self.messages)]
        return [*(f"unexpected log: {text}" for text in unexpected), *(f"never logged: {part}" for part in silent)]


def _use_memory() -> None:
    """Let temporary files of the tests and of their children lie in memory, unless TMPDIR says otherwise."""
    if "TMPDIR" not in os.environ and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > ROOM:
        os.environ["TMPDIR"] = tempfile.tempdir = str(MEMORY)


_use_memory()


def pytest_collection_finish() -> None:
    """Keep the thousands of tests and their modules out of every later collection of garbage."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def _homes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("homes")


@pytest.fixture
def other_filesystem(tmp_path: Path) -> Iterator[Path]:
    """A new folder on another filesystem than `tmp_path`; skips where there is none."""
    for base in (MEMORY, Path("/var/tmp"), Path(__file__).parent):
        if os.access(base, os.W_OK) and base.stat().st_dev != tmp_path.stat().st_dev:
            with tempfile.TemporaryDirectory(prefix=".cache-studio-", dir=base) as folder:
                yield Path(folder)
            return
    pytest.skip("there is no second filesystem to write to")


@pytest.fixture(autouse=True)
def empty_home(_homes: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home folder; everything that asks the environment for a user's folder finds it below."""
    home = _homes / str(next(_home_numbers))
    home.mkdir()
    for variable, folder in HOME_FOLDERS.items():
        monkeypatch.setenv(variable, str(home / folder))
    (home / "run").mkdir(mode=0o700)
    return home


@pytest.fixture
def _warning_trap() -> Iterator[WarningTrap]:
    trap = WarningTrap()
    logger = logging.getLogger("cache_studio")
    logger.addHandler(trap)
    yield trap
    logger.removeHandler(trap)


@pytest.fixture
def expect_log(_warning_trap: WarningTrap) -> Callable[[str], None]:
    """Call it with a part of a warning this test is to log: it is then allowed, and it must come."""
    return _warning_trap.expected.append


@pytest.fixture(autouse=True)
def _nothing_left_behind(_warning_trap: WarningTrap, empty_home: Path) -> Iterator[None]:
    threads = leftovers.running_threads()
    processes = leftovers.child_processes()
    windows = leftovers.windows()
    yield
    problems = [
        *leftovers.left_windows(windows),
        *leftovers.left_threads(threads),
        *leftovers.left_processes(processes),
        *_warning_trap.problems(),
    ]
    if problems:
        pytest.fail("left behind: " + "; ".join(problems), pytrace=False)


@pytest.fixture
def clock() -> FixedClock:
    """A clock that stands at 2027-01-15 08:00:00 UTC."""
    return FixedClock(1_800_000_000.0)


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """One server for the whole run; take `redis_url` to have it empty."""
    if find_redis_server() is None:
        reason = "no redis-server: install one, or set CACHE_STUDIO_REDIS_SERVER to its path"
        if os.environ.get("CACHE_STUDIO_REQUIRE_REDIS"):
            pytest.fail(reason)
        pytest.skip(reason)
    with RedisServer() as server:
        assert server.pid is not None
        leftovers.lasting.add(server.pid)
        yield server


@pytest.fixture
def redis_url(redis_server: RedisServer) -> str:
    """URL of a real server that holds nothing and has counted nothing."""
    assert redis_server.command("FLUSHALL") == "+OK"
    assert redis_server.command("CONFIG", "RESETSTAT") == "+OK"
    return redis_server.url
