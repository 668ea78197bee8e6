"""What a fault loop is given and what it answers: how much to do, and promises with the figures of this run.

A loop is a module in `loops/` with `def promises(size: Size) -> Iterator[Promise]`. It yields each promise as soon
as it is known, ends every process it started by its id, and writes below `workplace()` only.
"""

from __future__ import annotations

import random
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

MEMORY = Path("/dev/shm")
"""Where a folder in memory can be made: order and content are tried here, a loaded disk's fsync takes a second."""


@dataclass(frozen=True)
class Size:
    """How much a run does, and the seed from which everything random in it comes."""

    quick: bool = True
    seed: int = 1

    def of(self, quick: int, full: int) -> int:
        """The number of this run: the quick one, or the one that the promise is made with."""
        return quick if self.quick else full

    def chance(self, name: str) -> random.Random:
        """Random numbers for one part of a loop, the same in every run with this seed."""
        return random.Random(f"{self.seed} {name}")


@dataclass(frozen=True)
class Promise:
    """One row of the table."""

    name: str
    """What is promised, as the README says it: "kill -9 loses nothing"."""
    figure: str
    """What this run saw: "400 kills, 331 mid-work: 0 lost, 0 corrupt"."""
    kept: bool
    detail: str = ""
    """What somebody needs to find the cause of a broken promise, or should know of a kept one; lines of text."""
    timed: bool = False
    """Judged by a clock, which a busy machine breaks: at the quick size it is shown and does not end the run with 1."""


@contextmanager
def workplace() -> Iterator[Path]:
    """A new folder for one loop, in memory where there is any; gone when the block ends."""
    folder = Path(tempfile.mkdtemp(prefix="cache-studio-faults-", dir=MEMORY if MEMORY.is_dir() else None))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
