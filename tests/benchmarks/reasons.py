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


_PAINTING = (
    "stacks sampled in the gaps: cells are painted in Python, each call waits for the interpreter that lists; the page "
    "of a first cache takes 50 to 200 ms to make"
)
_FILES = (
    "timed in parts: opening, reading and closing each file alone takes 1.4 to 2.5 times the floor; choosing fields "
    "and making columns makes that two to four times as much"
)
_ROWS = (
    "timed in parts: fetching alone takes 1.1 times the floor, a scan to columns 3.3, the catalog 0.7; the rest is "
    "waiting for the interpreter that paints"
)
REASONS: Mapping[str, Known] = {
    "JSON folder: every entry known": Known(_FILES),
    "JSON folder: last row and facets in the window": Known(_FILES),
    "JSON folder: attached again, unchanged": Known("nothing is remembered: every file is read again"),
    "SQLite: every entry known": Known(_ROWS),
    "SQLite: last row and facets in the window": Known(_ROWS),
    "JSON folder: longest gap of the event loop": Known(_PAINTING),
    "one JSON file: longest gap of the event loop": Known(_PAINTING),
    "SQLite: longest gap of the event loop": Known(_PAINTING),
}
