"""Programs that use a real caching library, each in a process of its own, told what to do one call at a time.

The libraries are no dependency of the studio: `python3 packaging/dev.py libraries` installs them below `.libraries/`,
a folder for each set that cannot live with the others. A program is a module of `tests/adapters/programs/`; it is
imported once, by a starter, and every application is forked from that.
"""

from __future__ import annotations

import atexit
import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import leftovers
import pytest

ROOT = Path(__file__).parent.parent
LIBRARIES = ROOT / ".libraries"
OURS = ""
"""In place of a set of libraries: the program imports the runtime."""
PROGRAMS = Path(__file__).parent / "adapters" / "programs"
SECONDS = 50.0
END_SECONDS = 10.0
REQUIRED = "CACHE_STUDIO_REQUIRE_LIBRARIES"
"""Set where a missing library is a failure, not a reason to skip."""
KEPT = 3
"""How many starters wait at most: a program is used in one file of tests or two, and its libraries fill memory."""
_STARTER = Path(__file__).parent / "program_starter.py"


class ApplicationFailed(Exception):
    """A call of a program raised; the text is its traceback."""


class _Starter:
    """A process that has imported a program and forks applications (`program_starter.py` is its inside)."""

    def __init__(self, program: str, libraries: str) -> None:
        path = os.pathsep.join((str(LIBRARIES / libraries if libraries else ROOT), str(PROGRAMS)))
        # Not in isolated mode: it would not see PYTHONPATH. Warnings of libraries are none of ours.
        self._own = {"PYTHONPATH": path, "PYTHONWARNINGS": "ignore", "PYTHONIOENCODING": "utf-8"}
        self._requests, theirs = socket.socketpair()
        self._requests.settimeout(SECONDS)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-P", str(_STARTER), program, str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=self.environment,
                pass_fds=[theirs.fileno()],
            )
        leftovers.lasting.add(self._process.pid)

    @property
    def environment(self) -> dict[str, str]:
        """What an application gets that starts now."""
        return {**os.environ, **self._own}

    def fork(self, calls: int, answers: int) -> int:
        """Process id of a new application that has these ends of two pipes; 0 when there is none (in time)."""
        pid = b""
        with suppress(OSError):
            socket.send_fds(self._requests, [b"+"], [calls, answers])
            with self._requests.makefile("rb", 0) as answer:
                pid = answer.readline()
        return int(pid or 0)

    def close(self) -> None:
        """End it; applications that still run are not disturbed."""
        self._requests.close()
        try:
            self._process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        leftovers.lasting.discard(self._process.pid)


_starters: OrderedDict[tuple[str, str], _Starter] = OrderedDict()


def _starter_of(program: str, libraries: str) -> _Starter:
    found = _starters.pop((program, libraries), None) or _Starter(program, libraries)
    while len(_starters) >= KEPT:
        _starters.popitem(last=False)[1].close()
    _starters[program, libraries] = found
    return found


@atexit.register
def _end_starters() -> None:
    while _starters:
        _starters.popitem()[1].close()


class Application:
    """One running program; `call` runs a function of its module with JSON values and returns its JSON answer."""

    def __init__(self, program: str, libraries: str = "current") -> None:
        starter = _starter_of(program, libraries)
        calls, self._calls = os.pipe()
        self._answers, answers = os.pipe()
        self.pid = starter.fork(calls, answers)
        """The process id."""
        os.close(calls)
        os.close(answers)
        if not self.pid:
            _starters.pop((program, libraries)).close()
            self.close()
            raise ApplicationFailed(f"{program} cannot be imported")
        self._send(starter.environment)

    def call(self, name: str, *arguments: object) -> Any:
        """Run a function and wait for it; ApplicationFailed with its traceback, or when it takes too long."""
        self.ask(name, *arguments)
        return self.answer(name)

    def ask(self, name: str, *arguments: object) -> None:
        """As `call`, but without waiting: `answer` does that."""
        try:
            self._send([name, arguments])
        except BrokenPipeError as error:
            raise ApplicationFailed(f"the program has ended before “{name}”") from error

    def answer(self, name: str) -> Any:
        """What the function returned that was asked for."""
        line = b""
        while not line.endswith(b"\n"):
            if not select.select([self._answers], [], [], SECONDS)[0]:
                raise ApplicationFailed(f"no answer to “{name}” within {SECONDS:.0f} s")
            part = os.read(self._answers, 1_000_000)
            if not part:
                raise ApplicationFailed(f"the program has ended in “{name}”")
            line += part
        found = json.loads(line)
        if "error" in found:
            raise ApplicationFailed(found["error"])
        return found["answer"]

    def close(self) -> None:
        """End it as a program ends that has nothing more to do; killed when it does not. Again: does nothing."""
        if self._calls < 0:
            return
        os.close(self._calls)
        if not self._ended():
            os.kill(self.pid, signal.SIGKILL)
            self._ended()
        os.close(self._answers)
        self._calls = self._answers = -1

    def kill(self) -> None:
        """End it now, when nothing matters any more that it could still do."""
        if self._calls >= 0:
            os.kill(self.pid, signal.SIGKILL)
            self.close()

    def _send(self, value: object) -> None:
        message = json.dumps(value).encode() + b"\n"
        while message:
            message = message[os.write(self._calls, message) :]

    def _ended(self) -> bool:
        """Whether it has closed its end, as it does when it ends."""
        while select.select([self._answers], [], [], END_SECONDS)[0]:
            if not os.read(self._answers, 1_000_000):
                return True
        return False


@contextmanager
def running(program: str, libraries: str = "current") -> Iterator[Application]:
    """A program while the block runs; skips (or fails, where they are required) when its libraries are missing."""
    require_libraries(libraries)
    application = Application(program, libraries)
    try:
        yield application
    finally:
        application.close()


def require_libraries(libraries: str = "current") -> None:
    """Skip the test, or fail it where the libraries are required, unless they are installed."""
    if libraries == OURS or (LIBRARIES / libraries / "installed").is_file():
        return
    reason = "the real libraries are missing: python3 packaging/dev.py libraries"
    if os.environ.get(REQUIRED):
        pytest.fail(reason)
    pytest.skip(reason)
