"""A cache with a bit of everything, and the commands run in this process."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from cli_caches import HOSTILE, write_entry
from commands import Ended, runner


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
    return runner(monkeypatch)
