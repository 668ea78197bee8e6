"""How cost grows: time and memory of an entry must stay flat over a hundred times as many entries.

Both are taken above those of a cache of ten entries, so that what every attachment costs is not counted as a cost of
its entries; every size is compared with the cheapest one.
"""

import statistics
from collections.abc import Iterator, Mapping, Sequence

import grown_memory
from attaching import arrive, leave, open_window
from grown_memory import target_of
from listed_memory import FEW
from sizes import Bench
from table import Against, Row, Rule

from cache_studio.gui.main_window import MainWindow

FLAT = 1.5
ROUNDS = 3
TIMES = 5
"""In each round of all but the most: what ten thousand cost above ten is less than how two listings of ten differ."""
LEAST = 0.1
"""Microseconds or bytes: less than that is noise."""


def rows(bench: Bench) -> Iterator[Row]:
    """Bytes, and microseconds until every entry is known, of an entry; tables of SQLite."""
    sizes = {count: target_of(bench.folder, count) for count in bench.size.growth}
    memory = {count: [grown_memory.of_an_entry(bench.folder, count)] for count in sizes}
    yield from _rows("growth: memory of an entry", memory, "B")
    few = target_of(bench.folder, FEW)
    with open_window() as window:
        for _ in range(2):
            _listed(window, few, FEW)  # nothing has to be loaded any more
        found: dict[int, list[float]] = {count: [] for count in sizes}
        # All sizes in each round: a machine that slows down in the middle slows all of them.
        for _ in range(max(ROUNDS, bench.size.rounds)):
            for count, target in sizes.items():
                times = 1 if count == max(sizes) else TIMES
                above = [_listed(window, target, count) - _listed(window, few, FEW) for _ in range(times)]
                found[count].append(statistics.median(above) / count * 1e6)
        yield from _rows("growth: time of an entry", found, "us")


def _listed(window: MainWindow, target: str, entries: int) -> float:
    """Seconds until the page is painted and every entry known: ten may be known before it is, and more wait for it."""
    page, arrival = arrive(window, target, entries)
    leave(window, page)  # what a cache takes to go, and to be followed by a child that waits, is not the next one's
    return max(arrival.painted, arrival.listed)


def _rows(job: str, cost: Mapping[int, Sequence[float]], unit: str) -> Iterator[Row]:
    """Of what an entry cost in each round, at each number of entries."""
    each = {count: [max(LEAST, one) for one in rounds] for count, rounds in cost.items()}
    cheapest = min(each, key=lambda count: statistics.median(each[count]))
    floor = Against.of(f"at {cheapest:,}", each[cheapest])
    for count, rounds in each.items():
        name = f"{job}, {_word(count, each)}"
        yield Row.of_rounds(name, f"{count:,} entries", rounds, unit, FLAT, Rule.FLOOR, floor)


def _word(count: int, each: Mapping[int, object]) -> str:
    """A size by its place, so that the name is the same in every run: reasons are found by it."""
    return {min(each): "few", max(each): "many"}.get(count, "some")
