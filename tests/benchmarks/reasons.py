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
    "timed in parts: opening, looking at, reading and closing each file alone takes 1.9 times the floor, all of it in "
    "the child 3.5; the rest is taking the entries in, beside the window"
)
_FILE = "timed in parts: finding and decoding the entries in a child; taking them in begins with its first part"
_ROWS = (
    "timed in parts: the child takes 2.1 s for 1,000,000 rows, 1.2 of it in SQLite's fetch; taking the columns in "
    "takes 1.5 s in the window's process"
)
_KEYS = (
    "timed in parts: a look at type, expiry, memory and last use takes 4.4 us of the server for each key, where names "
    "alone take 1.2 to 1.8; it rests only while a batch is taken in"
)
_COPIED = (
    "timed in parts: about 14 us a row, where the floor is one statement of 0.8; half is SQLite, which gives each row "
    "to Python three times (listing, copy, comparison under the lock), 3 us the collector of garbage"
)
_FILES_COPIED = "each file is copied durably and compared before it goes; the floor only removes"
_DUMPED = "timed: of 41 us a key the server takes 12, the trash 15; the rest packs and compares what is kept"

REASONS: Mapping[str, Known] = {
    "window: first paint": Known("timed: the modules of the window take 232 ms to load, those of the bare one 93", 2.0),
    "SQLite: first rows after the window's first paint": Known(
        "timed: numpy takes 160 ms to load and the studio as much, both after the first paint; then a child looks at "
        "the database"
    ),
    "growth: memory of an entry, few": Known("3 MB of the first cache are divided among 10,000 entries", 2.0),
    "growth: time of an entry, few": Known("13 ms of the first cache are divided among 10,000 entries", 2.0),
    "JSON folder: every entry known": Known(_FILES, 6.0),
    "JSON folder: last row and facets in the window": Known(_FILES, 6.5),
    "JSON folder: attached again, unchanged": Known(
        "cProfile: looking at each of 100,000 files takes 1.3 times the floor by itself, walking the folder 0.5"
    ),
    "one JSON file: every entry known": Known(_FILE),
    "one JSON file: last row and facets in the window": Known(_FILE),
    "one JSON file: against jq": Known("jq takes half the time here that the goal was set by"),
    "SQLite: every entry known": Known(_ROWS),
    "SQLite: last row and facets in the window": Known(_ROWS),
    "Redis: every entry known": Known(_KEYS),
    "Redis: last row and facets in the window": Known(_KEYS),
    "purge JSON files, with undo copies": Known(_FILES_COPIED),
    "purge rows of SQLite, with undo copies": Known(_COPIED),
    "clear keys of Redis, with undo copies": Known(_DUMPED),
    "clear keys of Redis at once, without undo copies": Known(
        "timed: type, memory and expiry of each key are compared, 5 us of the server"
    ),
}
