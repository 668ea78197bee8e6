"""What the tests that strike the window share: a cache, a window on it, and the way to press its buttons."""

from __future__ import annotations

import json
import time
from datetime import datetime
from pathlib import Path

from PySide6.QtCore import QEvent
from PySide6.QtWidgets import QApplication, QLabel, QMenu, QMessageBox, QWidget
from pytestqt.qtbot import QtBot

from cache_studio.gui.cache_page import CachePage
from cache_studio.gui.dialogs.plan_dialog import PlanDialog
from cache_studio.gui.main_window import MainWindow

SECONDS = 20_000
DAY = 86_400.0


def fill(folder: Path, count: int) -> None:
    """Write `count` stale entries of a json-directory."""
    folder.mkdir(exist_ok=True)
    for number in range(count):
        moment = datetime.fromtimestamp(time.time() - 2 * DAY - number).isoformat()
        entry = {"cache_key": f"key {number}", "timestamp": moment, "result": {"passed": True}}
        (folder / f"{number:064x}.json").write_text(json.dumps(entry))


def began() -> MainWindow:
    """A window that was shown; `begin` it and wait for `controller.ready`."""
    window = MainWindow()
    window.dock.set_wanted(False)
    window.show()
    return window


def end(qtbot: QtBot, window: MainWindow) -> None:
    """Close a window with everything it opened, and let Qt forget it."""
    for box in window.findChildren(QMessageBox):
        box.close()
    if window.isVisible():
        close(qtbot, window)
    for menu in QApplication.topLevelWidgets():
        if isinstance(menu, QMenu):  # charts make them without a parent
            menu.deleteLater()
    window.deleteLater()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def close(qtbot: QtBot, window: MainWindow) -> None:
    with qtbot.waitSignal(window.closed, timeout=SECONDS):
        window.close()
    assert window.controller.wait_closed(10)


def attached(qtbot: QtBot, window: MainWindow, folder: Path, entries: int = 12) -> CachePage:
    with qtbot.waitSignal(window.page_shown, timeout=SECONDS):
        window.attach_all([f"json-directory:{folder}"])
    page = window.current_page()
    assert page is not None
    qtbot.waitUntil(lambda: page.entries.table.entries.rowCount() == entries, timeout=SECONDS)
    qtbot.waitUntil(lambda: window.action_set["purge"].isEnabled(), timeout=SECONDS)
    return page


def planned(qtbot: QtBot, window: MainWindow, action: str = "purge") -> PlanDialog:
    window.action_set[action].trigger()
    qtbot.waitUntil(lambda: isinstance(QApplication.activeModalWidget(), PlanDialog), timeout=SECONDS)
    dialog = QApplication.activeModalWidget()
    assert isinstance(dialog, PlanDialog)
    qtbot.waitUntil(lambda: dialog.action_button is not None, timeout=SECONDS)
    return dialog


def press(dialog: PlanDialog) -> None:
    assert dialog.action_button is not None
    dialog.action_button.click()


def words(widget: QWidget) -> str:
    """Every word that a widget shows."""
    return " ".join(label.text() for label in widget.findChildren(QLabel) if label.isVisibleTo(widget))


def stored(folder: Path) -> int:
    return len(list(folder.glob("*.json")))
