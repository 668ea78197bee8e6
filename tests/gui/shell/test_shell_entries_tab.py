"""The Entries tab on a real cache: search, facets, sort, what stays through updates."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import redis
from patience import PATIENCE
from PySide6.QtCore import QEvent, QItemSelectionModel, QObject, QRect, Qt
from PySide6.QtGui import QPaintEvent
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from cache_studio.adapters.base import Adapter
from cache_studio.adapters.redis_listing import Described
from cache_studio.adapters.redis_listing import Listing as RedisListing
from cache_studio.gui import entry_feed, entry_table
from cache_studio.gui.controller import Controller
from cache_studio.gui.entries_tab import EntriesTab
from cache_studio.gui.item_models import entry_columns as columns
from cache_studio.gui.tasks import Stop
from cache_studio.gui.widgets.painting import text_width
from cache_studio.services.attachment import Attachment
from cache_studio.services.browse import Listing


@pytest.fixture
def attachment(qtbot: QtBot, controller: Controller, comparisons: Path) -> Attachment:
    with qtbot.waitSignal(controller.attached, timeout=20_000) as told:
        controller.attach(f"json-directory:{comparisons}")
    made = told.args[0]
    made.listed().result(20)
    return made  # type: ignore[no-any-return]


@pytest.fixture
def tab(qtbot: QtBot, controller: Controller, attachment: Attachment) -> EntriesTab:
    made = EntriesTab(controller, attachment)
    qtbot.addWidget(made)
    controller.news.connect(lambda _attachment, _news: made.refresh())
    made.resize(1000, 600)
    made.show()
    made.refresh()
    qtbot.waitUntil(lambda: made.table.entries.rowCount() == 12)
    return made


def keys(tab: EntriesTab) -> list[str]:
    model = tab.table.entries
    return [str(model.index(row, 0).data()) for row in range(model.rowCount())]


def test_the_first_whole_listing_does_not_wait(qtbot: QtBot, controller: Controller, attachment: Attachment) -> None:
    made = EntriesTab(controller, attachment)
    qtbot.addWidget(made)
    made.feed._seconds = made.feed._count_seconds = 1_000.0  # what listing and counting a part of it took
    made.refresh()
    qtbot.waitUntil(lambda: made.table.entries.rowCount() == 12 and made.figures is not None)
    assert made.figures is not None
    assert made.figures.whole.entries == 12


def test_an_action_is_not_held_up_by_the_list_behind_it(qtbot: QtBot, tab: EntriesTab, attachment: Attachment) -> None:
    feed = tab.feed
    qtbot.waitUntil(lambda: feed.shown is not None and feed.shown.view.complete and not feed._is_under_way("list"))
    feed.stop()
    tab.feed._seconds = 1.0  # what listing it took
    go_on = threading.Event()

    def steps(_adapter: Adapter) -> Generator[int, None, None]:
        go_on.wait(PATIENCE)
        yield 1

    running = attachment.run(steps, lambda _progress: None)
    attachment.standing = replace(attachment.standing, view=replace(attachment.standing.view))  # a new view
    tab.feed.note_change()
    assert tab.feed._timer.remainingTime() > 30_000
    go_on.set()
    running.future.result(PATIENCE)
    attachment.call(lambda _adapter: None).result(PATIENCE)
    tab.feed.note_change()
    assert tab.feed._timer.remainingTime() < 10_000


def test_a_view_is_listed_once_however_often_it_is_told_of(
    qtbot: QtBot, tab: EntriesTab, attachment: Attachment, controller: Controller
) -> None:
    feed = tab.feed
    qtbot.waitUntil(lambda: feed.shown is not None and feed.shown.view.complete and not feed._is_under_way("list"))
    controller.news.disconnect()
    feed.stop()
    attachment.standing = replace(attachment.standing, view=replace(attachment.standing.view))
    with qtbot.waitSignal(feed.listed):
        feed.note_change()
        qtbot.waitUntil(lambda: feed._is_under_way("list"))
        feed.note_change()
    assert feed.shown is not None
    assert feed.shown.view is attachment.standing.view
    feed.note_change()
    assert not feed._is_under_way("list")
    assert not feed._timer.isActive()
    attachment.standing = replace(attachment.standing, view=replace(attachment.standing.view))
    with qtbot.waitSignal(feed.listed):
        feed.note_change()


def test_facets_are_not_counted_beside_a_listing_of_a_cache_that_is_read(
    qtbot: QtBot, tab: EntriesTab, attachment: Attachment, controller: Controller, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed, began, go_on = tab.feed, threading.Event(), threading.Event()
    qtbot.waitUntil(
        lambda: tab.figures is not None and not feed._is_under_way("list") and not feed._count_timer.isActive()
    )
    controller.news.disconnect()
    count = entry_feed.count_facets

    def held(listing: Listing, now: float, stop: Stop) -> entry_feed.FacetFigures:
        began.set()
        assert go_on.wait(PATIENCE)
        return count(listing, now, stop)

    monkeypatch.setattr(entry_feed, "count_facets", held)
    feed._count()
    assert began.wait(PATIENCE)
    attachment.standing = replace(attachment.standing, view=replace(attachment.standing.view, complete=False))
    feed._list()
    assert not feed._is_under_way("list")
    assert feed._timer.isActive()
    with qtbot.waitSignal(feed.listed):  # when they are counted
        go_on.set()
    go_on.clear()
    monkeypatch.setattr(entry_feed, "count_facets", count)
    list_entries = entry_feed.list_entries
    monkeypatch.setattr(
        entry_feed, "list_entries", lambda *given: list_entries(*given) if go_on.wait(PATIENCE) else None
    )
    feed._list()
    feed._count()
    assert not feed._is_under_way("count")
    assert feed._count_timer.isActive()
    with qtbot.waitSignal(feed.counted):
        go_on.set()


def test_the_biggest_namespaces_are_shown_and_the_chosen_one(
    qtbot: QtBot, tab: EntriesTab, monkeypatch: pytest.MonkeyPatch
) -> None:
    qtbot.waitUntil(lambda: tab.figures is not None)
    assert tab.feed.shown is not None
    listing, stop = tab.feed.shown.listing, Stop()
    codes = np.arange(len(listing.view.namespace_codes), dtype=np.int32) % 4
    listing = replace(listing, view=replace(listing.view, namespace_names=list("abcd"), namespace_codes=codes))
    every = entry_feed.count_facets(listing, time.time(), stop).namespaces
    assert len(every.groups) == 4
    assert not every.more
    monkeypatch.setattr(entry_feed, "SHOWN", 1)
    last = every.groups[-1].name
    chosen = replace(listing, expression=every.terms[last])
    some = entry_feed.count_facets(chosen, time.time(), stop).namespaces
    assert [group.name for group in some.groups] == [every.groups[0].name, last]
    assert some.more == len(every.groups) - 2
    assert some.terms == {name: every.terms[name] for name in (every.groups[0].name, last)}


def test_what_the_user_asks_for_does_not_wait_until_facets_are_counted(
    qtbot: QtBot, tab: EntriesTab, attachment: Attachment, controller: Controller, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed, go_on = tab.feed, threading.Event()
    qtbot.waitUntil(
        lambda: tab.figures is not None and not feed._is_under_way("list") and not feed._count_timer.isActive()
    )
    controller.news.disconnect()
    figures = tab.figures
    monkeypatch.setattr(entry_feed, "count_facets", lambda *_: figures if go_on.wait(PATIENCE) else None)
    attachment.standing = replace(attachment.standing, view=replace(attachment.standing.view, complete=False))
    feed._count()
    with qtbot.waitSignal(feed.listed):
        tab.set_expression("size>1b")
    with qtbot.waitSignal(feed.counted):
        go_on.set()


@pytest.mark.redis
def test_the_status_line_says_how_far_a_listing_is(
    qtbot: QtBot, controller: Controller, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with redis.Redis.from_url(redis_url, protocol=2) as client:
        client.mset({f"key {number}": "value" for number in range(3_000)})
    go_on, pages = threading.Event(), RedisListing.pages

    def held(self: RedisListing, prefix: str) -> Iterator[Described]:
        for number, page in enumerate(pages(self, prefix)):
            yield page
            if number == 8:
                assert go_on.wait(PATIENCE)

    monkeypatch.setattr(RedisListing, "pages", held)
    with qtbot.waitSignal(controller.attached, timeout=20_000) as told:
        controller.attach(redis_url)
    made = EntriesTab(controller, told.args[0])
    qtbot.addWidget(made)
    controller.news.connect(lambda _attachment, _news: made.refresh())
    qtbot.waitUntil(lambda: made.status().endswith(" of about 3,000"), timeout=20_000)
    assert made.status().startswith("reading, ")
    go_on.set()
    qtbot.waitUntil(lambda: made.status().startswith("3,000 entries"), timeout=20_000)


def test_typing_applies_without_enter(qtbot: QtBot, tab: EntriesTab) -> None:
    qtbot.keyClicks(tab.filter.search.edit, "stale")
    qtbot.waitUntil(lambda: tab.table.entries.rowCount() == 5)
    assert tab.expression == "stale"
    assert "5 of 12 selected" in tab.status()


def test_a_wrong_expression_keeps_the_last_result(qtbot: QtBot, tab: EntriesTab) -> None:
    tab.set_expression("stale")
    qtbot.waitUntil(lambda: tab.table.entries.rowCount() == 5)
    with qtbot.waitSignal(tab.feed.wrong):
        tab.set_expression("stale (size>x")
    assert tab.table.entries.rowCount() == 5
    assert tab.filter.search.edit.span is not None
    assert tab.expression == "stale"


def test_facets_edit_the_expression(qtbot: QtBot, tab: EntriesTab) -> None:
    qtbot.waitUntil(lambda: tab.figures is not None)
    assert tab.figures is not None
    assert [group.entries for group in tab.figures.lifetimes] == [7, 5, 0]
    rows = {row.facet.name: row for group in tab.facets._groups.values() for row in group.rows()}
    rows["stale"].click()
    qtbot.waitUntil(lambda: tab.table.entries.rowCount() == 5)
    assert tab.filter.expression == "stale"
    rows["stale"].click()
    qtbot.waitUntil(lambda: tab.table.entries.rowCount() == 12)
    assert tab.filter.expression == ""


def test_no_match_offers_to_clear_the_search(qtbot: QtBot, tab: EntriesTab) -> None:
    tab.set_expression("nosuchkey")
    qtbot.waitUntil(lambda: tab._stack.currentWidget() is tab._empty)
    assert "0 of 12" in tab._empty.accessibleName()
    tab._empty.button.click()
    qtbot.waitUntil(lambda: tab._stack.currentWidget() is tab.table)


def test_a_click_on_a_column_sorts(qtbot: QtBot, tab: EntriesTab) -> None:
    tab.table.sortByColumn(columns.SIZE, Qt.SortOrder.DescendingOrder)
    qtbot.waitUntil(lambda: tab.feed.shown is not None and tab.feed.sort.column == "size" and _sizes_fall(tab))


@pytest.mark.parametrize("chosen", [False, True])
def test_a_sort_begins_at_the_top_or_keeps_a_chosen_row_in_sight(qtbot: QtBot, tab: EntriesTab, chosen: bool) -> None:
    table = tab.table
    tab.resize(1000, 330)
    bar = table.verticalScrollBar()
    qtbot.waitUntil(lambda: bar.maximum() > 0)
    table.scrollToBottom()
    if chosen:
        table.selectRow(11)
    else:  # as it is when the table was given the focus
        table.selectionModel().setCurrentIndex(table.entries.index(11, 0), QItemSelectionModel.SelectionFlag.NoUpdate)
    last = table.current_entry()
    table.sortByColumn(columns.KEY, Qt.SortOrder.DescendingOrder)
    qtbot.waitUntil(lambda: table.current_entry() == last and table.currentIndex().row() == 0)
    assert bar.value() == 0
    table.sortByColumn(columns.KEY, Qt.SortOrder.AscendingOrder)
    qtbot.waitUntil(lambda: table.currentIndex().row() == 11)
    assert table.current_entry() == last
    assert bar.value() == (bar.maximum() if chosen else 0)


class Drawn(QObject):
    """Which parts of a widget were painted."""

    def __init__(self, widget: QWidget) -> None:
        super().__init__(widget)
        self.parts: list[QRect] = []
        widget.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QPaintEvent):
            self.parts.append(event.region().boundingRect())
        return False


def test_a_tick_draws_the_times_that_changed_and_nothing_else(qtbot: QtBot, tab: EntriesTab) -> None:
    table, now = tab.table, [time.time()]
    tab.feed.stop()
    table.entries._clock = lambda: now[0]
    table.viewport().repaint()
    drawn = Drawn(table.viewport())
    table._ticker.timeout.emit()
    QApplication.processEvents()
    assert not drawn.parts
    now[0] += 90_061
    table._ticker.timeout.emit()
    qtbot.waitUntil(lambda: bool(drawn.parts))
    left = table.columnViewportPosition(columns.AGE)
    end = table.columnViewportPosition(columns.LAST_READ) + table.columnWidth(columns.LAST_READ)
    assert all(left <= part.left() and part.right() < end for part in drawn.parts)
    drawn.parts.clear()
    table._ticker.timeout.emit()
    QApplication.processEvents()
    assert not drawn.parts


def test_of_long_names_one_is_measured_for_the_width_of_their_column() -> None:
    names = [f"a key as long as those of a cache often are, number {at:04d}" for at in range(200)]
    before = text_width.cache_info()
    assert entry_table._width_of(names, 56) == entry_table._WIDEST
    assert entry_table._width_of(["a", "the widest", "b"], 20) > entry_table._width_of(["a", "b"], 20) > 20
    after = text_width.cache_info()
    assert after.hits + after.misses - before.hits - before.misses == 1 + 3 + 2


def _sizes_fall(tab: EntriesTab) -> bool:
    assert tab.feed.shown is not None
    listing = tab.feed.shown.listing
    sizes = listing.view.numbers["size"][listing.rows].tolist()
    return sizes == sorted(sizes, reverse=True)


def test_selection_stays_while_entries_come_and_go(
    qtbot: QtBot, tab: EntriesTab, attachment: Attachment, comparisons: Path
) -> None:
    tab.table.selectRow(4)
    chosen = tab.table.chosen_ids()
    assert len(chosen) == 1
    above = tab.table.entries.entry(2)
    assert above is not None
    next(path for path in comparisons.iterdir() if above.key in path.read_text("utf-8")).unlink()
    attachment.refresh()
    qtbot.waitUntil(lambda: tab.table.entries.rowCount() == 11, timeout=10_000)
    assert above.id not in tab.table.entries.ids(0, 10)
    assert tab.table.chosen_ids() == chosen
    current = tab.current_entry()
    assert current is not None
    assert current.id == chosen[0]


def test_several_chosen_rows_are_added_up(qtbot: QtBot, tab: EntriesTab) -> None:
    tab.table.selectAll()
    qtbot.waitUntil(lambda: tab.status().startswith("12 chosen"))
    tab.table.clearSelection()
    qtbot.waitUntil(lambda: not tab.status().startswith("12 chosen"))


def test_keys_of_the_table_act(qtbot: QtBot, tab: EntriesTab) -> None:
    tab.table.setFocus()
    with qtbot.waitSignal(tab.invalidate_requested):
        qtbot.keyClick(tab.table, Qt.Key.Key_Delete)
    with qtbot.waitSignal(tab.details_requested):
        qtbot.keyClick(tab.table, Qt.Key.Key_Return)
