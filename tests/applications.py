"""Programs that use a real caching library, each in a process of its own, told what to do one call at a time.

The libraries are no dependency of the studio: `python3 packaging/dev.py libraries` installs them below `.libraries/`,
a folder for each set that cannot live with the others. A program is a module of `tests/adapters/programs/`.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

LIBRARIES = Path(__file__).parent.parent / ".libraries"
PROGRAMS = Path(__file__).parent / "adapters" / "programs"
SECONDS = 50.0
REQUIRED = "CACHE_STUDIO_REQUIRE_LIBRARIES"
"""Set where a missing library is a failure, not a reason to skip."""
_MAIN = """
import importlib, json, sys, traceback
answers, sys.stdout = sys.stdout, sys.stderr
program = importlib.import_module(sys.argv[1])
for line in sys.stdin:
    name, arguments = json.loads(line)
    try:
        answer = {"answer": getattr(program, name)(*arguments)}
    except BaseException:
        answer = {"error": traceback.format_exc()}
    print(json.dumps(answer), file=answers, flush=True)
"""


class ApplicationFailed(Exception):
    """A call of a program raised; the text is its traceback."""


class Application:
    """One running program; `call` runs a function of its module with JSON values and returns its JSON answer."""

    def __init__(self, program: str, libraries: str = "current") -> None:
        path = os.pathsep.join((str(LIBRARIES / libraries), str(PROGRAMS)))
        # Not in isolated mode: it would not see PYTHONPATH. Warnings of libraries are none of ours.
        environment = {**os.environ, "PYTHONPATH": path, "PYTHONWARNINGS": "ignore", "PYTHONIOENCODING": "utf-8"}
        self._process = subprocess.Popen(
            [sys.executable, "-c", _MAIN, program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
        )

    def call(self, name: str, *arguments: object) -> Any:
        """Run a function and wait for it; ApplicationFailed with its traceback, or when it takes too long."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps([name, arguments]).encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError as error:
            raise ApplicationFailed(f"the program has ended before “{name}”") from error
        if not select.select([self._process.stdout], [], [], SECONDS)[0]:
            raise ApplicationFailed(f"no answer to “{name}” within {SECONDS:.0f} s")
        line = self._process.stdout.readline()
        if not line:
            raise ApplicationFailed(f"the program has ended in “{name}”")
        found = json.loads(line)
        if "error" in found:
            raise ApplicationFailed(found["error"])
        return found["answer"]

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def close(self) -> None:
        """End it as a program ends that has nothing more to do; killed when it does not."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.close()
            self._process.wait(10)
        except (subprocess.TimeoutExpired, BrokenPipeError):
            self._process.kill()
            self._process.wait()
        finally:
            self._process.stdout.close()


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
    if (LIBRARIES / libraries / "installed").is_file():
        return
    reason = "the real libraries are missing: python3 packaging/dev.py libraries"
    if os.environ.get(REQUIRED):
        pytest.fail(reason)
    pytest.skip(reason)
