"""The benchmarks: each job against a floor measured in the same run. Prints ratios; run it by packaging/dev.py bench.

Rounds are interleaved (floor, ours, floor, ours...) and medians are compared, so that a machine that slows down
in the middle slows both. Beside the longest gap of the event loop stands that of a bare loop in another process at the
same time: what the machine itself makes everybody wait.
"""

import argparse
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import data
import redis
from listing import Measured, as_the_window, measure_listing
from servers import RedisServer

FIRST_ROWS = 0.3
GAP = 0.05
"""Goals in seconds, for every job."""


@dataclass(frozen=True)
class Job:
    """A listing and what it is compared with; `goal` is the ratio that is aimed at."""

    name: str
    goal: float
    floor_name: str
    floor: Callable[[], None]
    target: str
    entries: int


def find_floor(folder: Path) -> None:
    """`find -printf` with name, time and size of every file."""
    subprocess.run(["find", str(folder), "-type", "f", "-printf", "%f %T@ %s\n"], stdout=subprocess.DEVNULL, check=True)


def read_floor(file: Path) -> None:
    """Read the file."""
    file.read_bytes()


def sqlite_floor(file: Path) -> None:
    """The sqlite3 command's scan of the same columns."""
    query = "SELECT rowid, key, length(value), created_at, expires_at FROM entries"
    subprocess.run(["sqlite3", str(file), query], stdout=subprocess.DEVNULL, check=True)


def scan_floor(port: int) -> None:
    """A bare loop of SCAN COUNT 1000, names only."""
    with redis.Redis(port=port) as client:
        cursor = -1
        while cursor:
            cursor, _ = client.execute_command("SCAN", max(cursor, 0), "COUNT", 1000)


def jobs(folder: Path, quick: bool, server: RedisServer) -> Iterator[Job]:
    """The jobs, a tenth of the size when `quick`."""
    small, big = (10_000, 100_000) if quick else (100_000, 1_000_000)
    files, one = data.json_files(folder, small), data.json_file(folder, small)
    rows = data.sqlite_rows(folder, big)
    data.redis_keys(redis.Redis(port=server.port).execute_command, big)
    yield Job(f"{small:,} JSON files", 3, "find -printf", lambda: find_floor(files), f"json-directory:{files}", small)
    yield Job(f"one JSON file, {small:,} entries", 4, "reading it", lambda: read_floor(one), f"json-file:{one}", small)
    yield Job(
        f"SQLite, {big:,} rows", 2.5, "sqlite3", lambda: sqlite_floor(rows), f"sqlite-table:{rows}?table=entries", big
    )
    url = f"redis://127.0.0.1:{server.port}/0?format=redis&prefix=app:cache:"
    yield Job(f"Redis, {big:,} keys", 2.6, "SCAN COUNT 1000", lambda: scan_floor(server.port), url, big)


def timed(work: Callable[[], None]) -> float:
    """Seconds that `work` takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def main() -> None:
    """Run every job and print one line each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the size, three rounds")
    parser.add_argument("--rounds", type=int, default=0)
    parser.add_argument("--data", type=Path, default=Path(tempfile.gettempdir()) / "cache-studio-benchmarks")
    chosen = parser.parse_args()
    chosen.data.mkdir(exist_ok=True)
    rounds = chosen.rounds or (3 if chosen.quick else 5)
    head = f"{'job':<34}{'floor':>18}{'seconds':>9}{'ours':>9}{'ratio':>8}{'goal':>6}"
    print(head + f"{'first rows':>12}{'gap':>8}{'bare':>9}")
    as_the_window()
    with RedisServer() as server:
        for job in jobs(chosen.data, chosen.quick, server):
            floors: list[float] = []
            ours: list[Measured] = []
            for _ in range(rounds):
                floors.append(timed(job.floor))
                ours.append(measure_listing(job.target, job.entries))
            report(job, floors, ours)


def report(job: Job, floors: list[float], ours: list[Measured]) -> None:
    """One line: medians, the ratio, and marks where a goal is missed."""
    floor, seconds = statistics.median(floors), statistics.median(found.seconds for found in ours)
    first = statistics.median(found.first_rows for found in ours)
    gap = statistics.median(found.longest_gap for found in ours)
    bare = statistics.median(found.bare_gap for found in ours)
    ratio = seconds / floor
    print(
        f"{job.name:<34}{job.floor_name:>18}{floor:>9.3f}{seconds:>9.3f}{ratio:>7.1f}{_mark(ratio, job.goal)}"
        f"{job.goal:>6}{first:>11.3f}{_mark(first, FIRST_ROWS)}{gap * 1000:>5.0f} ms{_mark(gap, GAP)}"
        f"{bare * 1000:>5.0f} ms",
        flush=True,
    )


def _mark(value: float, goal: float) -> str:
    return " " if value <= goal else "!"


if __name__ == "__main__":
    main()
