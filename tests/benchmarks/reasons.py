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
    "timed in parts: the child takes 1.3 s for 1,000,000 rows by itself, 1.0 of it in SQLite's fetch, and 2.0 beside "
    "the window's process, which takes 1.3 meanwhile: the two cores are busy all the time"
)
_KEYS = (
    "timed in parts: a look at type, expiry, memory and last use takes 4.4 us of the server for each key, where names "
    "alone take 1.2 to 1.8; it rests only while a batch is taken in"
)
_COPIED = (
    "cProfile: 11 us a row, where the floor is one statement of 0.8; SQLite gives each row to Python twice (listing, "
    "copy), which takes 3, statements and commits take 2.3, the copies on a page of the trash 2"
)
_FILES_COPIED = (
    "cProfile: three looks at each file and its move into the trash take 14 us, where removing it takes 8; the "
    "copies on a page of the trash the rest"
)
_GAP = (
    "each turn of the event loop timed: making the page of a cache takes 18 to 26 ms, laying it out 15; a paint of the "
    "table, 5 ms by itself, takes 12 to 35 beside threads that list, sort and count"
)
REASONS: Mapping[str, Known] = {
    "window: first paint": Known("timed: the modules of the window take 232 ms to load, those of the bare one 93", 2.1),
    "SQLite: first rows after the window's first paint": Known(
        "timed: numpy takes 160 ms to load and the studio as much, both after the first paint; then a child looks at "
        "the database"
    ),
    "dashboard: redraw": Known(
        "timed in parts: of 6.3 ms painting four charts takes 4.3, paths and ranges 2; up to 11 where the machine is "
        "slow"
    ),
    "growth: time of an entry, many": Known(
        "timed in parts: 10,000 rows are listed before the window lists or paints anything; each of 1,000,000 is "
        "handed over by a child and taken in beside the window, which takes 1.6 us",
        1.6,
    ),
    "JSON folder: every entry known": Known(_FILES, 7.0),
    "JSON folder: last row and facets in the window": Known(_FILES, 7.4),
    "JSON folder: attached again, unchanged": Known(
        "cProfile: looking at each of 100,000 files takes 1.3 times the floor by itself, walking the folder 0.5", 3.3
    ),
    "JSON folder: longest gap of the event loop": Known(_GAP),
    "one JSON file: every entry known": Known(_FILE, 8.6),
    "one JSON file: last row and facets in the window": Known(_FILE, 9.5),
    "one JSON file: against jq": Known(f"jq takes half the time here that the goal was set by; {_FILE}", 0.54),
    "one JSON file: longest gap of the event loop": Known(_GAP),
    "SQLite: every entry known": Known(_ROWS),
    "SQLite: last row and facets in the window": Known(_ROWS),
    "SQLite: longest gap of the event loop": Known(_GAP),
    "select: a part of the key": Known(
        "timed alone: looking into 1,000,000 keys takes 0.14 s; the rest waits for the window's thread"
    ),
    "Redis: every entry known": Known(_KEYS, 5.3),
    "Redis: last row and facets in the window": Known(_KEYS, 5.5),
    "Redis: longest gap of the event loop": Known(_GAP),
    "purge JSON files, with undo copies": Known(_FILES_COPIED, 6.3),
    "purge rows of SQLite, with undo copies": Known(_COPIED, 18.4),
}
