"""A window is painted before background work goes on, and lets go of what was painted of a cache that is gone."""

from __future__ import annotations

import gc
import weakref
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from PySide6.QtCore import QCoreApplication
from PySide6.QtGui import QPaintEvent
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from cache_studio import precedence
from cache_studio.gui.dashboard.dashboard_tab import DashboardTab
from cache_studio.gui.main_window import MainWindow
from cache_studio.gui.prompt_window import PromptWindow
from cache_studio.gui.tabs import DASHBOARD, ENTRIES
from cache_studio.gui.tasks import Stop, Tasks
from cache_studio.gui.widgets.painting import text_width


class Canvas(QWidget):
    """Notes whether background work might begin while it is painted."""

    def __init__(self) -> None:
        super().__init__()
        self.free: list[bool] = []

    def paintEvent(self, event: QPaintEvent) -> None:
        self.free.append(precedence._free.is_set())


def _on_screen(qtbot: QtBot) -> tuple[PromptWindow, Canvas]:
    """A window that was painted, and the canvas in its middle."""
    window, canvas = PromptWindow(), Canvas()
    qtbot.addWidget(window)
    window.setCentralWidget(canvas)
    with qtbot.waitExposed(window):
        window.show()
    canvas.free.clear()
    return window, canvas


def test_its_widgets_are_painted_while_nothing_else_begins(qtbot: QtBot) -> None:
    _window, canvas = _on_screen(qtbot)
    canvas.update()
    qtbot.waitUntil(lambda: bool(canvas.free))
    assert not any(canvas.free)
    qtbot.waitUntil(precedence._free.is_set)


@pytest.mark.parametrize("waits", [False, True], ids=["nothing waits", "it was about to be painted"])
def test_what_is_to_be_painted_later_is_painted_in_the_next_turn(qtbot: QtBot, waits: bool) -> None:
    window, canvas = _on_screen(qtbot)
    if waits:
        canvas.update()
        window.statusBar().update()
    window.paint_later()
    canvas.update()
    QCoreApplication.sendPostedEvents()
    assert not canvas.free
    qtbot.waitUntil(lambda: bool(canvas.free))
    canvas.free.clear()
    canvas.update()
    qtbot.waitUntil(lambda: bool(canvas.free))


def test_what_is_put_off_is_done_in_the_next_turn_and_goes_first(qtbot: QtBot) -> None:
    window, _canvas = _on_screen(qtbot)
    free: list[bool] = []
    window.in_next_turn(lambda: free.append(precedence._free.is_set()))
    QCoreApplication.sendPostedEvents()
    assert not free
    qtbot.waitUntil(lambda: bool(free))
    assert free == [False]
    assert precedence._free.is_set()


def test_a_cache_that_was_detached_before_its_page_was_shown_is_not_shown(
    qtbot: QtBot, window: MainWindow, comparisons: Path
) -> None:
    shown: list[object] = []
    window.page_shown.connect(shown.append)
    place = window.controller.studio.resolve(f"json-directory:{comparisons}")
    with qtbot.waitSignal(window.controller.detached):
        window.controller.attach_place(place)
        window.controller.detach(window.controller.attachments[0])
    turns: list[None] = []
    window.in_next_turn(lambda: turns.append(None))
    qtbot.waitUntil(lambda: bool(turns))
    assert not shown
    assert window.current_page() is None


def test_texts_of_a_detached_cache_are_let_go(qtbot: QtBot, window: MainWindow, comparisons: Path) -> None:
    window.controller.attach(str(comparisons))
    qtbot.waitUntil(lambda: window.current_page() is not None and text_width.cache_info().currsize > 20)
    attachment = window.controller.attachments[0]
    with qtbot.waitSignal(window.controller.detached):
        window.controller.detach(attachment)
    assert text_width.cache_info().currsize == 0


def test_a_detached_cache_is_gone_without_the_collector(qtbot: QtBot, window: MainWindow, comparisons: Path) -> None:
    gone = _shown_on_both_tabs(qtbot, window, comparisons)
    gc.collect()
    gc.disable()
    try:
        window.controller.detach(window.controller.attachments[0])
        qtbot.waitUntil(lambda: all(one() is None for one in gone))
    finally:
        gc.enable()


def _shown_on_both_tabs(qtbot: QtBot, window: MainWindow, folder: Path) -> list[weakref.ref[Any]]:
    """The attachment and what it listed."""
    window.controller.attach(str(folder))
    qtbot.waitUntil(lambda: window.current_page() is not None)
    page = window.current_page()
    assert page is not None
    for tab in (DASHBOARD, ENTRIES):
        page.show_tab(tab)
    dashboard, feed = page.findChild(DashboardTab), page.entries.feed
    qtbot.waitUntil(lambda: feed.shown is not None and dashboard.board is not None)
    assert feed.shown is not None
    return [weakref.ref(page.attachment), weakref.ref(feed.shown.view.alive)]


def test_a_step_of_a_task_waits_until_who_goes_first_is_done(
    qtbot: QtBot, tasks: Tasks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(precedence, "LONGEST", None)
    order: list[str] = []
    began = Event()

    def work(stop: Stop) -> str:
        began.set()
        assert not stop.between_steps()
        order.append("step")
        return "done"

    with precedence.going_first():
        tasks.run("work", work, order.append, lambda _error: None)
        assert began.wait(5)
        order.append("painted")
    qtbot.waitUntil(lambda: len(order) == 3)
    assert order == ["painted", "step", "done"]
