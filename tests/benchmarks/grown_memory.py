"""What an entry adds to the memory of all our processes, at one number of entries.

Run as a program it prints the bytes: each number has a process of its own, since what was freed before takes in
some of what is measured next.
"""

import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path

import data
from attaching import attach, detach, is_whole, open_window
from event_loop import until
from listed_memory import BY_A_CHILD, FEW, settled, while_listed

from cache_studio.gui.main_window import MainWindow

ENTRIES_TOGETHER, MOST_COPIES = 600_000, 20
"""Of 200,000 at once what a hundred thousand take came out between 200 and 310 bytes an entry."""


def of_an_entry(folder: Path, count: int) -> float:
    """Bytes that an entry of a table of so many takes above a cache of ten, measured in a new process."""
    command = [sys.executable, __file__, str(folder), str(count)]
    return float(subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=600).stdout)


def target_of(folder: Path, count: int) -> str:
    """The table of so many entries."""
    return f"sqlite-table:{data.sqlite_rows(folder, count)}?table=entries"


def _of_an_entry(folder: Path, count: int) -> float:
    """Of several copies at once where the cache is small: what one takes is lost in memory that was freed before."""
    copies = max(1, min(MOST_COPIES, ENTRIES_TOGETHER // count))
    with open_window() as window:
        while_listed(window, target_of(folder, BY_A_CHILD), BY_A_CHILD)  # nothing has to be loaded any more
        without = _held(window, target_of(folder, FEW), FEW, copies)
        return (_held(window, target_of(folder, count), count, copies) - without) / copies / count


def _held(window: MainWindow, target: str, count: int, copies: int) -> int:
    path, _, options = target.removeprefix("sqlite-table:").partition("?")
    places = [Path(path).with_suffix(f".copy-{number}.db") for number in range(copies)]
    for place in places:
        shutil.copyfile(path, place)
    pages = [attach(window, window.controller.studio.resolve(f"sqlite-table:{place}?{options}")) for place in places]
    for page in pages:
        window.show_cache(page.attachment)
        until(partial(is_whole, page, count))
    taken = settled()
    for page in pages:
        detach(window, page)
    for place in places:
        place.unlink()
    return taken


if __name__ == "__main__":
    print(_of_an_entry(Path(sys.argv[1]), int(sys.argv[2])))
