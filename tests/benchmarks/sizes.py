"""How much a run measures, and where its data lie."""

from dataclasses import dataclass, replace
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Size:
    """One size of every job."""

    name: str
    files: int
    """Files of a folder with one JSON file an entry."""
    file_entries: int
    """Entries of one JSON file, 2.1 kB each."""
    rows: int
    """Rows of a table, keys of Redis."""
    removed_files: int
    removed_rows: int
    """Of a table that holds twice as many; of Redis all keys."""
    growth: tuple[int, ...]
    """Entries of the tables by which growth is measured, ascending."""
    live_files: int
    burst: int
    """Files that are written while the window is held: more events than the queue of the system has room for."""
    seconds: float
    """How long something is watched that has no end of its own."""
    history_days: int
    rounds: int
    peak_times: float = 1.5
    """How many times the size of one JSON file its listing may take in memory."""


FULL = Size(
    name="full",
    files=100_000,
    file_entries=100_000,
    rows=1_000_000,
    removed_files=100_000,
    removed_rows=500_000,
    growth=(10_000, 100_000, 1_000_000),
    live_files=10_000,
    burst=20_000,
    seconds=20.0,
    history_days=30,
    rounds=5,
)
QUICK = Size(
    name="quick",
    files=30_000,
    file_entries=30_000,
    rows=200_000,
    removed_files=10_000,
    removed_rows=50_000,
    growth=(20_000, 60_000, 200_000),
    live_files=2_000,
    burst=6_000,
    seconds=5.0,
    history_days=30,
    rounds=3,
)
TINY = Size(
    name="tiny",
    files=300,
    file_entries=200,
    rows=3_000,
    removed_files=200,
    removed_rows=1_000,
    growth=(500, 1_000, 2_000),
    live_files=100,
    burst=6_000,
    seconds=1.0,
    history_days=2,
    rounds=1,
)
"""For a look whether the jobs themselves work; its figures mean nothing."""
HUGE = replace(FULL, name="huge", files=1_000_000, file_entries=480_000, rounds=1, peak_times=3.0)
"""By hand only, for the jobs `listings` and `memory`: a folder of a million files, a JSON file of 1 GB."""
SIZES = {size.name: size for size in (FULL, QUICK, TINY, HUGE)}


@dataclass(frozen=True, slots=True)
class Bench:
    """What a job is given: how much to do, and a folder whose data are kept from run to run."""

    size: Size
    folder: Path
    """Everything on one filesystem: what is measured, and the home of the program while it is."""
