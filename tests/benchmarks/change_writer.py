"""Changes entries of a json-directory as an application does: a file written beside its place and renamed into it.

    python change_writer.py FOLDER FIRST ENTRIES CHANGES RATE

So many changes of the entries FIRST to FIRST + ENTRIES, round and round (new ones where there is none yet), RATE a
second at most. Prints, when all is done, a line for each: file, time of writing in nanoseconds, and the moment when
it was in its place by `time.perf_counter`.
"""

import sys
import time
from pathlib import Path

import data

LATE = 0.05
"""Seconds."""


def change(folder: Path, entries: range, changes: int, rate: float) -> list[tuple[str, int, float]]:
    """Write them; what was done and when."""
    noted = []
    began = time.perf_counter()
    for number in range(changes):
        early = number / rate - (time.perf_counter() - began)
        if early > 0:
            time.sleep(early)
        elif early < -LATE:  # the machine stood still, or cannot do so many: what was missed is not made up for
            began -= early
        at = entries[number % len(entries)]
        name = f"{data.digest(at)}.json"
        new = folder / f".{name}.new"
        new.write_text(data.json_text(at, "y" * (number % 100)), "utf-8")
        written = new.stat().st_mtime_ns
        new.rename(folder / name)
        noted.append((name, written, time.perf_counter()))
    return noted


def main(folder: str, first: str, entries: str, changes: str, rate: str) -> None:
    """Change and print."""
    span = range(int(first), int(first) + int(entries))
    for name, written, at in change(Path(folder), span, int(changes), float(rate)):
        print(name, written, repr(at))


if __name__ == "__main__":
    main(*sys.argv[1:])
