"""Goals that are missed: the name of a job, as the table prints it, with its ratio and what was found to take it."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Known:
    """A goal that is known to be missed."""

    why: str
    """What a profiler, or timing the parts alone, found."""
    ratio: float = 0.0
    """The worst that any run gave: a run ends with 3 when it is twice that."""


_FILES = (
    "cProfile of the child: 11 us a file, of which opening, looking at, reading and closing it take 5 (1.9 times the "
    "floor by themselves), decoding 1; beside the window it has one of the two cores for itself at most"
)
_FILE = (
    "cProfile of the child: 7.6 us an entry, 3 of them finding where it ends, 0.6 decoding, 0.5 its checksum; beside "
    "the window it takes 10"
)
_ROWS = (
    "timed in parts: the child takes 2.1 s for 1,000,000 rows, 1.2 of it in SQLite's fetch; taking the columns in "
    "takes 1 s in the window's process, the window itself 0.6"
)
_KEYS = (
    "timed in parts: a look at type, expiry, memory and last use takes 4.4 us of the server for each key, where names "
    "alone take 1.2 to 1.8; it rests only while a batch is taken in"
)
_COPIED = (
    "cProfile: 20 us a row, where the floor is one statement of 0.7; SQLite gives each row to Python three times "
    "(listing, copy, comparison under the lock), which takes 5.5, the objects in between most of the rest"
)
_FILES_COPIED = (
    "cProfile: three looks at each file and its move into the trash take 14 us, where removing it takes 8; the "
    "copies on a page of the trash the rest"
)
_GAP = (
    "cProfile of each turn of the event loop: beside threads that list a paint of the table takes 20 to 40 ms (7 "
    "alone), making the page of a cache 30"
)
REASONS: Mapping[str, Known] = {
    "window: first paint": Known("timed: the modules of the window take 232 ms to load, those of the bare one 93", 2.0),
    "SQLite: first rows after the window's first paint": Known(
        "timed: numpy takes 160 ms to load and the studio as much, both after the first paint; then a child looks at "
        "the database"
    ),
    "dashboard: redraw": Known(
        "cProfile: of 8 to 15 ms painting four charts takes 5, 2.4 of it their axes; working out paths and ranges 4"
    ),
    "growth: time of an entry, few": Known(
        "timed in parts: 10,000 rows are listed in the window's process at 5 us each, more of them by a child at 3", 2.0
    ),
    "growth: time of an entry, some": Known(
        "timed in parts: the first 10,000 rows take 5 us each, then a child begins"
    ),
    "JSON folder: every entry known": Known(_FILES, 7.0),
    "JSON folder: last row and facets in the window": Known(_FILES, 7.4),
    "JSON folder: attached again, unchanged": Known(
        "cProfile: looking at each of 100,000 files takes 1.3 times the floor by itself, walking the folder 0.5", 3.1
    ),
    "JSON folder: longest gap of the event loop": Known(_GAP),
    "one JSON file: every entry known": Known(_FILE, 7.9),
    "one JSON file: last row and facets in the window": Known(_FILE, 8.6),
    "one JSON file: against jq": Known(f"jq takes half the time here that the goal was set by; {_FILE}", 0.49),
    "one JSON file: longest gap of the event loop": Known(_GAP),
    "SQLite: every entry known": Known(_ROWS),
    "SQLite: last row and facets in the window": Known(_ROWS),
    "SQLite: longest gap of the event loop": Known(_GAP),
    "select: a part of the key": Known(
        "timed alone: looking into 1,000,000 keys takes 0.13 s; the rest sorts them and waits for the window's thread"
    ),
    "Redis: every entry known": Known(_KEYS, 5.3),
    "Redis: last row and facets in the window": Known(_KEYS, 5.5),
    "Redis: longest gap while it is detached": Known(
        "timed: the collector takes 65 ms to go through two lists of 1,000,000, and 35 to free what they held"
    ),
    "Redis: longest gap of the event loop": Known(_GAP),
    "purge JSON files, with undo copies": Known(_FILES_COPIED, 4.7),
    "purge rows of SQLite, with undo copies": Known(_COPIED, 36.1),
}
