"""Discovery against `find -type d` over the same folders, in processor time. Run it by packaging/dev.py bench.

Processor time, because a disk that is slow the first time is slow for both. The rounds are interleaved and medians
compared. What a fresh system is made of is no cache, so whatever is found there is printed.
"""

import argparse
import os
import statistics
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from cache_studio.adapters.discovery import Found, walk

GOAL = 3
"""Times the floor."""
SYSTEM = ("/usr", "/etc", "/opt", "/var")
"""The folders of a fresh system."""


def find_seconds(folders: Sequence[str]) -> float:
    """Processor time of `find -type d`."""
    return spent(
        lambda: subprocess.run(["find", *folders, "-type", "d"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    )


def spent(work: Callable[[], object]) -> float:
    """Seconds of processor time of `work`, here and in the processes that it waited for."""
    before = os.times()
    work()
    return sum(os.times()[:4]) - sum(before[:4])


def main() -> None:
    """Print one line, and what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="two rounds")
    parser.add_argument("--rounds", type=int, default=0)
    parser.add_argument("--data", type=Path, help="not used: what lies on the system is walked")
    chosen = parser.parse_args()
    folders = [folder for folder in SYSTEM if Path(folder).is_dir()]
    found: list[Found] = []
    list(walk([]))  # the formats are imported once
    find_seconds(folders)  # and the disk is read once
    floors: list[float] = []
    ours: list[float] = []
    gone: list[float] = []
    for _ in range(chosen.rounds or (2 if chosen.quick else 5)):
        floors.append(find_seconds(folders))
        began = time.perf_counter()
        found.clear()
        ours.append(spent(lambda: found.extend(walk(folders))))
        gone.append(time.perf_counter() - began)
    floor, seconds = statistics.median(floors), statistics.median(ours)
    mark = " " if seconds <= floor * GOAL else "!"
    name = f"discovery in {' '.join(folders)}"
    print(f"{'job':<34}{'floor':>18}{'seconds':>9}{'ours':>9}{'ratio':>8}{'goal':>6}{'elapsed':>12}{'found':>8}")
    print(
        f"{name:<34}{'find -type d':>18}{floor:>9.3f}{seconds:>9.3f}{seconds / floor:>7.1f}{mark}{GOAL:>6}"
        f"{statistics.median(gone):>12.3f}{len(found):>8}"
    )
    for one in found:
        print(f"  {one['format']:<20}{one['target']}")


if __name__ == "__main__":
    main()
