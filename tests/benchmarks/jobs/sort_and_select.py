"""Sorting and selecting in a listed window: from the wish to the table that shows it, with the event loop's gap."""

import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import awake
import data
from attaching import arrive, open_window
from event_loop import Gaps, gaps, rest, until
from sizes import Bench
from table import Against, Row

from cache_studio.gui.cache_page import CachePage
from cache_studio.gui.entry_feed import EntryFeed
from cache_studio.gui.item_models.entry_rows import EntryRows
from cache_studio.services.ordering import Sort

GAP_MS = 50.0
SHARE = 100
"""A selection of a number chooses the oldest of so many entries."""
NEXT_KEY = 0.02
"""Seconds after which the next key is pressed while a selection is under way."""


@dataclass(frozen=True)
class Wish:
    """What the user does, and in how many seconds the table must show it."""

    name: str
    goal: float
    do: Callable[[EntryFeed], None]
    shows: Callable[[EntryRows], bool]
    """Whether a listing is the one that was wished for."""


@dataclass
class Figures:
    """Seconds of each round."""

    taken: list[float] = field(default_factory=list)
    longest: list[float] = field(default_factory=list)
    bare: list[float] = field(default_factory=list)


def rows(bench: Bench) -> Iterator[Row]:
    """Each wish, on a table of SQLite that is listed."""
    count = bench.size.rows
    table = data.sqlite_rows(bench.folder, count)
    size = f"{count:,} rows"
    with open_window() as window:
        page, _ = arrive(window, f"sqlite-table:{table}?table=entries", count)
        wishes = [*_sorts(), *_selections(count)]
        found: dict[str, Figures] = {wish.name: Figures() for wish in wishes}
        cancelled = Figures()
        for _ in range(bench.size.rounds):
            for wish in wishes:
                _measure(page, wish, found[wish.name])
            _interrupt(page, wishes[-1], wishes[2], cancelled)
        for wish in wishes:
            yield from _rows(wish.name, size, wish.goal, found[wish.name])
        yield from _rows("select: the next key while a pattern is looked for", size, wishes[2].goal, cancelled)


def _sorts() -> Iterator[Wish]:
    for name, column, goal in (("a number", "size", 0.3), ("key", "key", 1.0)):
        sort = Sort(column, descending=True)
        yield Wish(f"sort by {name}", goal, lambda feed, sort=sort: feed.set_sort(sort), _is_whole)  # type: ignore[misc]


def _selections(count: int) -> Iterator[Wish]:
    youngest = data.START + count // SHARE
    expressions = (
        ("select: a simple field", 0.1, lambda: f"age>{time.time() - youngest:.0f}s"),
        ("select: a part of the key", 0.3, lambda: "beef"),
        ("select: a pattern", 1.0, lambda: "key~^ab.*[0-9]f$"),
    )
    for name, goal, expression in expressions:

        def do(feed: EntryFeed, expression: Callable[[], str] = expression) -> None:
            feed.set_expression(expression(), at_once=True)

        yield Wish(name, goal, do, lambda shown: not _is_whole(shown))


def _is_whole(shown: EntryRows) -> bool:
    return not shown.listing.expression


def _reset(page: CachePage, sort: Sort) -> None:
    """Everything in this order, and the counts of it over."""
    feed = page.entries.feed
    feed.sort = sort
    feed.set_expression("", at_once=True)
    before = feed.shown
    until(lambda: feed.shown is not before and feed.shown is not None and _is_whole(feed.shown))
    rest(0.3)


def _measure(page: CachePage, wish: Wish, found: Figures) -> None:
    feed = page.entries.feed
    _reset(page, Sort("created"))
    before = feed.shown
    with gaps() as gap:
        began = time.perf_counter()
        wish.do(feed)
        until(lambda: feed.shown is not before and feed.shown is not None and wish.shows(feed.shown))
        ended = time.perf_counter()
    _keep(awake.seconds(began, ended), gap, found)
    assert feed.shown is not None
    assert len(feed.shown), f"{wish.name} chose nothing"


def _interrupt(page: CachePage, slow: Wish, quick: Wish, found: Figures) -> None:
    """Begin a slow selection and press another key; the answer to the first must never be shown."""
    feed = page.entries.feed
    _reset(page, Sort("created"))
    listed: list[str] = []
    note = feed.listed.connect(lambda shown: listed.append(shown.listing.expression))
    with gaps() as gap:
        slow.do(feed)
        rest(NEXT_KEY)
        began = time.perf_counter()
        quick.do(feed)
        wanted = feed.expression
        until(lambda: wanted in listed)
        ended = time.perf_counter()
    feed.listed.disconnect(note)
    _keep(awake.seconds(began, ended), gap, found)
    assert listed[-1] == wanted, listed


def _keep(taken: float, gap: Gaps, found: Figures) -> None:
    found.taken.append(taken)
    found.longest.append(gap.longest * 1000)
    found.bare.append(gap.bare * 1000)


def _rows(name: str, size: str, goal: float, found: Figures) -> Iterator[Row]:
    yield Row(name, size, statistics.median(found.taken), "s", goal)
    bare = Against("a bare loop", statistics.median(found.bare))
    yield Row(f"{name}: longest gap", size, statistics.median(found.longest), "ms", GAP_MS, floor=bare)
