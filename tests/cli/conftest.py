"""A cache with a bit of everything, and the commands run in this process by click's runner."""

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from io import BytesIO, StringIO, TextIOWrapper
from pathlib import Path

import pytest
from cli_caches import HOSTILE, write_entry

from cache_studio.cli.main import run
from cache_studio.services import act


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: object
    out: str
    err: str

    @property
    def json(self):
        """What it printed."""
        return json.loads(self.out)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two fresh and two stale entries."""
    made = tmp_path / "comparisons" / "cache"
    made.mkdir(parents=True)
    for number in range(2):
        write_entry(made, f"new{number}", f"new{number}", timedelta(minutes=number))
        write_entry(made, f"old{number}", f"old{number}", timedelta(days=2 + number))
    return made


@pytest.fixture
def hostile_folder(tmp_path: Path) -> Path:
    """Keys that mean harm."""
    made = tmp_path / "hostile"
    made.mkdir()
    for name, key in HOSTILE.items():
        write_entry(made, name, key, timedelta(minutes=1))
    return made


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ended]:
    """Run a command; `answer` is what somebody at a terminal types."""

    def run_here(*arguments: object, answer: str | None = None) -> Ended:
        out, err = TextIOWrapper(BytesIO(), "utf-8"), TextIOWrapper(BytesIO(), "utf-8")
        typed = StringIO(answer or "")
        monkeypatch.setattr(typed, "isatty", lambda: answer is not None, raising=False)
        with monkeypatch.context() as patched:
            patched.setattr(sys, "stdin", typed)
            patched.setattr(sys, "stdout", out)
            patched.setattr(sys, "stderr", err)
            patched.setattr("click.termui.visible_prompt_func", lambda prompt="": typed.readline().rstrip("\n"))
            code = run([str(argument) for argument in arguments])
        texts = []
        for stream in (out, err):
            stream.flush()
            texts.append(stream.buffer.getvalue().decode("utf-8"))
        return Ended(code, *texts)

    monkeypatch.setattr(act, "LOOK_AGAIN_SECONDS", 0.0)
    return run_here
