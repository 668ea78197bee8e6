"""A window on a real studio, closed at the end with all its threads."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import QEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from cache_studio.gui.controller import Controller
from cache_studio.gui.main_window import MainWindow


@pytest.fixture
def controller(qtbot: QtBot) -> Iterator[Controller]:
    """A controller whose studio is there."""
    bugs: list[BaseException] = []
    made = Controller()
    made.tasks.bug_found.connect(bugs.append)
    with qtbot.waitSignal(made.ready):
        made.open()
    yield made
    made.close()
    assert made.wait_closed(10)
    assert bugs == []


@pytest.fixture
def window(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> Iterator[MainWindow]:
    """A window that has begun; it looks for no caches by itself, and the dock is closed."""
    bugs: list[BaseException] = []
    monkeypatch.setattr("cache_studio.gui.main_window.LOOK_AFTER_MS", 3_600_000)
    made = MainWindow()
    made.controller.tasks.bug_found.connect(bugs.append)
    made.dock.set_wanted(False)
    made.show()
    with qtbot.waitSignal(made.controller.ready):
        made.begin([])
    yield made
    with qtbot.waitSignal(made.closed, timeout=10_000):
        made.close()
    assert made.controller.wait_closed(10)
    made.deleteLater()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    assert bugs == []
