"""A window on caches, and how long it takes from attaching to the last row with facets and totals."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import awake
from event_loop import application, gaps, rest, until
from PySide6.QtCore import QEvent, QObject
from PySide6.QtWidgets import QWidget

from cache_studio.config.settings import Settings
from cache_studio.gui import app
from cache_studio.gui.cache_page import CachePage
from cache_studio.gui.controller import GIVE_BACK_MS
from cache_studio.gui.dressing import dress
from cache_studio.gui.entry_feed import FacetFigures
from cache_studio.gui.main_window import LOOK_AFTER_MS, MainWindow
from cache_studio.services.attachment import Place

GIVING_BACK = 0.5
"""Seconds in which the memory of a cache is given back."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """Seconds from attaching, and of the longest gap of the event loop until the end of it."""

    first_rows: float
    """The first rows stand in the model of the table."""
    painted: float
    """The page of the cache was painted for the first time."""
    listed: float
    """The attachment knows every entry and has published it."""
    shown: float
    """The last row stands in the model of the table, and facets and totals are right."""
    longest_gap: float
    bare_gap: float


@contextmanager
def open_window() -> Iterator[MainWindow]:
    """The window with nothing attached, ready to attach."""
    dress(application(), Settings())
    window = MainWindow()
    window.show()
    app.begin(window, [])
    until(lambda: window.controller.is_ready, 30)
    rest(LOOK_AFTER_MS / 1000 + 0.2)
    window.controller.tasks.drop("discover")  # it looks for caches once; that is another job, and not to disturb this
    rest(0.3)
    until(lambda: window.charts.is_done, 30)
    try:
        yield window
    finally:
        window.close()
        until(lambda: window.controller.wait_closed(0.0), 30)
        app.end()


def attach(window: MainWindow, place: Place) -> CachePage:
    """Attach a decided place and show its page; what it is was recognised before."""
    shown: list[CachePage] = []
    window.page_shown.connect(shown.append)
    window.controller.attach_place(place)
    until(lambda: bool(shown))
    window.page_shown.disconnect(shown.append)
    return shown[0]


def is_whole(page: CachePage, entries: int) -> bool:
    """Whether the table shows so many entries, all there are, and the facets count them; raises what went wrong."""
    standing = page.attachment.standing
    if standing.error is not None:
        raise standing.error
    assert not standing.partial, standing.partial
    shown = page.entries.table.entries.shown
    if shown is None or not shown.view.complete or len(shown) != entries or shown.listing.totals.pending:
        return False
    figures = page.entries.figures
    return figures is not None and figures.whole.entries == entries and not figures.whole.pending


def check(figures: FacetFigures | None, entries: int, *, expiry_known: bool = True) -> None:
    """Facets and totals add up; AssertionError where they do not."""
    assert figures is not None
    whole = figures.whole
    assert whole.fresh + whole.stale + whole.forever + whole.unknown == entries, whole
    names = figures.namespaces
    assert names.more or sum(group.entries for group in names.groups) == entries, "namespaces"
    assert sum(group.entries for group in figures.lifetimes) == entries - whole.unknown, "lifetimes"
    assert not expiry_known or whole.unknown == 0, f"{whole.unknown} entries without expiry"
    assert whole.problems == 0, f"{whole.problems} problems"


class _Paint(QObject):
    """Whether a widget was painted since."""

    def __init__(self, widget: QWidget) -> None:
        super().__init__(widget)
        self.is_over = False
        widget.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Notice the first paint."""
        if event.type() == QEvent.Type.Paint:
            self.is_over = True
            watched.removeEventFilter(self)
        return False


def arrive(window: MainWindow, target: str, entries: int) -> tuple[CachePage, Arrival]:
    """Attach `target` and measure until it is whole; the page stays open."""
    place = window.controller.studio.resolve(target)
    moments: dict[str, float] = {}
    with gaps() as found:
        began = time.perf_counter()
        page = attach(window, place)
        paint = _Paint(page)

        def whole() -> bool:
            view, now = page.attachment.standing.view, time.perf_counter()
            if page.entries.table.entries.rowCount():
                moments.setdefault("first rows", now)
            if paint.is_over:
                moments.setdefault("painted", now)
            if view is not None and view.complete:
                moments.setdefault("listed", now)
            return is_whole(page, entries)

        until(whole)
        ended = time.perf_counter()
    check(page.entries.figures, entries)
    first, painted, listed = (awake.seconds(began, moments[name]) for name in ("first rows", "painted", "listed"))
    return page, Arrival(first, painted, listed, awake.seconds(began, ended), found.longest, found.bare)


def detach(window: MainWindow, page: CachePage) -> None:
    """Let a cache go and wait until its thread has ended."""
    gone: list[None] = []
    window.controller.detach(page.attachment, lambda: gone.append(None))
    until(lambda: bool(gone), 60)


def leave(window: MainWindow, page: CachePage) -> float:
    """The same, and wait until its memory was given back; seconds of the longest gap of the event loop meanwhile."""
    with gaps() as found:
        detach(window, page)
        rest(GIVE_BACK_MS / 1000 + GIVING_BACK)
    return found.longest
