"""How cost grows: time and memory of an entry must stay flat over a hundred times as many entries.

Both are taken above those of a cache of ten entries, so that what every attachment costs is not counted as a cost of
its entries; every size is compared with the cheapest one.
"""

import shutil
import statistics
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

import data
from attaching import arrive, attach, detach, is_whole, leave, open_window
from event_loop import until
from listed_memory import FEW, settled
from sizes import Bench
from table import Against, Row, Rule

from cache_studio.gui.main_window import MainWindow

FLAT = 1.5
ENTRIES_TOGETHER, MOST_COPIES = 600_000, 20
"""Of 200,000 at once what a hundred thousand take came out between 200 and 310 bytes an entry."""
ROUNDS = 3
TIMES = 5
"""In each round of all but the most: what ten thousand cost above ten is less than how two listings of ten differ."""
LEAST = 0.1
"""Microseconds or bytes: less than that is noise."""


def rows(bench: Bench) -> Iterator[Row]:
    """Bytes, and microseconds until every entry is known, of an entry; tables of SQLite."""
    rounds = range(max(ROUNDS, bench.size.rounds))
    few = _target(bench, FEW)
    sizes = {count: _target(bench, count) for count in bench.size.growth}
    with open_window() as window:
        for _ in range(2):
            _listed(window, few, FEW)  # nothing has to be loaded any more
        grown = {count: [_grown(window, few, target, count)] for count, target in sizes.items()}
        yield from _rows("growth: memory of an entry", grown, "B")
        found: dict[int, list[float]] = {count: [] for count in sizes}
        for _ in rounds:  # all sizes in each: a machine that slows down in the middle slows all of them
            for count, target in sizes.items():
                times = 1 if count == max(sizes) else TIMES
                above = [_listed(window, target, count) - _listed(window, few, FEW) for _ in range(times)]
                found[count].append(statistics.median(above) * 1e6)
        yield from _rows("growth: time of an entry", found, "us")


def _grown(window: MainWindow, few: str, target: str, count: int) -> float:
    """Bytes of all our processes that a cache of so many entries takes above one of ten.

    Of several copies at once where it is small: what one takes is lost in memory that was freed before.
    """
    copies = max(1, min(MOST_COPIES, ENTRIES_TOGETHER // count))
    # First the few: what the many leave behind would be taken for theirs, and be missing from what the many add.
    without = _held(window, few, FEW, copies)
    return (_held(window, target, count, copies) - without) / copies


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


def _target(bench: Bench, count: int) -> str:
    return f"sqlite-table:{data.sqlite_rows(bench.folder, count)}?table=entries"


def _listed(window: MainWindow, target: str, entries: int) -> float:
    page, arrival = arrive(window, target, entries)
    leave(window, page)  # what a cache takes to go, and to be followed by a child that waits, is not the next one's
    return arrival.listed


def _rows(job: str, cost: Mapping[int, Sequence[float]], unit: str) -> Iterator[Row]:
    """Of what each round cost above a cache of ten, at each number of entries."""
    each = {count: [max(LEAST, above / count) for above in rounds] for count, rounds in cost.items()}
    cheapest = min(each, key=lambda count: statistics.median(each[count]))
    floor = Against.of(f"at {cheapest:,}", each[cheapest])
    for count, rounds in each.items():
        name = f"{job}, {_word(count, each)}"
        yield Row.of_rounds(name, f"{count:,} entries", rounds, unit, FLAT, Rule.FLOOR, floor)


def _word(count: int, each: Mapping[int, object]) -> str:
    """A size by its place, so that the name is the same in every run: reasons are found by it."""
    return {min(each): "few", max(each): "many"}.get(count, "some")
