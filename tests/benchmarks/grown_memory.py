"""What an entry adds to the memory of all our processes, at one number of entries.

Run as a program it prints the bytes: each number has a process of its own, since what was freed before takes in
some of what is measured next.
"""

import shutil
import subprocess
import sys
from pathlib import Path

import data
from attaching import open_window
from listed_memory import BY_A_CHILD, FEW, while_listed

from cache_studio.gui.main_window import MainWindow

ENTRIES_TOGETHER, MOST_COPIES = 600_000, 20
"""Of 200,000 at once what a hundred thousand take came out between 200 and 310 bytes an entry."""


def of_an_entry(folder: Path, count: int) -> float:
    """Bytes that an entry of a table of so many takes above a cache of ten, measured in a new process."""
    command = [sys.executable, __file__, str(folder), str(count)]
    return float(subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=600).stdout)


def target_of(folder: Path, count: int) -> str:
    """The table of so many entries."""
    return _target_at(data.sqlite_rows(folder, count))


def _of_an_entry(folder: Path, count: int) -> float:
    """Of several copies at once where the cache is small: what one takes is lost in memory that was freed before."""
    copies = max(1, min(MOST_COPIES, ENTRIES_TOGETHER // count))
    with open_window() as window:
        while_listed(window, BY_A_CHILD, target_of(folder, BY_A_CHILD))  # nothing has to be loaded any more
        without = _held(window, folder, FEW, copies)
        return (_held(window, folder, count, copies) - without) / copies / count


def _held(window: MainWindow, folder: Path, count: int, copies: int) -> int:
    """Bytes with so many copies of the table of so many entries."""
    path = data.sqlite_rows(folder, count)
    places = [path.with_suffix(f".copy-{number}.db") for number in range(copies)]
    for place in places:
        shutil.copyfile(path, place)
    taken = while_listed(window, count, *map(_target_at, places))
    for place in places:
        place.unlink()
    return taken


def _target_at(place: Path) -> str:
    return f"sqlite-table:{place}?table=entries"


if __name__ == "__main__":
    print(_of_an_entry(Path(sys.argv[1]), int(sys.argv[2])))
