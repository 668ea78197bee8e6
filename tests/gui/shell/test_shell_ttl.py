"""Set TTL in the whole window: on a table with an expiry of each row, and where the format has none."""

from __future__ import annotations

import math
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication, QMessageBox
from pytestqt.qtbot import QtBot

from cache_studio.gui.cache_page import CachePage
from cache_studio.gui.dialogs import ttl_words
from cache_studio.gui.dialogs.ttl_dialog import TtlDialog
from cache_studio.gui.main_window import MainWindow
from cache_studio.model.plans import Progress
from cache_studio.model.ttl import Kind, TtlOutcome

HOUR = 3_600.0
HOSTILE = "<img src=x onerror=alert(1)>\u202etxt.exe"


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Four entries that end, one of them long ago, one that never does."""
    path, now = tmp_path / "app.db", time.time()
    ends = {HOSTILE: now - 3 * HOUR, "a": now + 60, "b": now + 600, "c": now + 40 * HOUR, "always": None}
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("CREATE TABLE cache (key TEXT PRIMARY KEY, value BLOB, expires_at REAL)")
        database.executemany("INSERT INTO cache VALUES (?, x'00', ?)", ends.items())
    return path


def ends(path: Path) -> dict[str, float | None]:
    with closing(sqlite3.connect(path)) as database:
        return dict(database.execute("SELECT key, expires_at FROM cache").fetchall())


def attached(qtbot: QtBot, window: MainWindow, target: str, entries: int) -> CachePage:
    with qtbot.waitSignal(window.page_shown, timeout=20_000):
        window.attach_all([target])
    page = window.current_page()
    assert page is not None
    qtbot.waitUntil(lambda: page.entries.table.entries.rowCount() == entries, timeout=20_000)
    qtbot.waitUntil(lambda: page.entries.figures is not None, timeout=20_000)
    return page


@pytest.fixture
def page(qtbot: QtBot, window: MainWindow, table: Path) -> CachePage:
    return attached(qtbot, window, f"sqlite-table:{table}?table=cache&key=key&value=value&expires=expires_at", 5)


def asked(qtbot: QtBot, window: MainWindow) -> TtlDialog:
    """The dialog, when it has foretold something."""
    window.action_set["set_ttl"].trigger()
    qtbot.waitUntil(lambda: isinstance(QApplication.activeModalWidget(), TtlDialog))
    dialog = QApplication.activeModalWidget()
    assert isinstance(dialog, TtlDialog)
    qtbot.waitUntil(lambda: "Entries" in dialog.foretold(), timeout=10_000)
    return dialog


def test_set_and_undo(qtbot: QtBot, window: MainWindow, page: CachePage, table: Path, look: str) -> None:
    before = ends(table)
    page.entries.set_expression("not forever")
    qtbot.waitUntil(lambda: page.entries.table.entries.rowCount() == 4)
    dialog = asked(qtbot, window)
    told = dialog.foretold()
    assert told["Entries"] == "4 entries"
    assert told["TTL now"].startswith("stale 3 h to 1 d ")
    assert told["TTL then"] == "1 h 00 min"
    assert dialog.focusWidget() is dialog.cancel_button
    dialog.set_field.number.setValue(2)
    qtbot.waitUntil(lambda: dialog.foretold()["TTL then"] == "2 h 00 min")
    qtbot.waitUntil(dialog.accept_button.isEnabled)
    assert dialog.accept_button.text() == "Set TTL of 4 entries"
    dialog.accept_button.click()
    bar = page.entries.undo_bar
    qtbot.waitUntil(bar.isVisible, timeout=10_000)
    assert bar.accessibleName().startswith("The TTL of 4 entries is 2 h now.")
    now = ends(table)
    assert all(abs(end - time.time() - 2 * HOUR) < 60 for key, end in now.items() if key != "always" and end)
    qtbot.waitUntil(lambda: window.action_set["purge"].text() == "Purge stale (0)", timeout=10_000)
    (action,) = window.controller.studio.trash.actions()
    assert (action.verb, action.waiting, action.note) == ("ttl", 4, "TTL set to 2 h.")
    window.action_set["undo"].trigger()
    qtbot.waitUntil(lambda: bar.accessibleName().startswith("4 entries have the old TTL again."), timeout=10_000)
    assert ends(table) == before


def test_extend_and_persist_take_the_selected_rows(
    qtbot: QtBot, window: MainWindow, page: CachePage, table: Path
) -> None:
    before = ends(table)
    page.entries.table.selectAll()
    dialog = asked(qtbot, window)
    dialog.extend.click()
    qtbot.waitUntil(lambda: dialog.foretold()["Entries"] == "4 entries of 5 chosen")
    assert "no expiry to extend" in dialog.foretold()[""]
    dialog.extend_field.unit.activated.emit(1)
    dialog.persist.click()
    qtbot.waitUntil(lambda: dialog.foretold().get("TTL then") == "forever")
    assert dialog.foretold()["Expire"] == "never"
    qtbot.waitUntil(dialog.accept_button.isEnabled)
    assert dialog.accept_button.text() == "Persist 4 entries"
    dialog.accept_button.click()
    qtbot.waitUntil(page.entries.undo_bar.isVisible, timeout=10_000)
    assert set(ends(table).values()) == {None}
    window.action_set["undo"].trigger()
    qtbot.waitUntil(lambda: ends(table) == before, timeout=10_000)


def test_nothing_is_chosen_is_said(qtbot: QtBot, window: MainWindow, page: CachePage) -> None:
    page.entries.table.clearSelection()
    window.action_set["set_ttl"].trigger()
    qtbot.waitUntil(lambda: isinstance(QApplication.activeModalWidget(), QMessageBox))
    box = QApplication.activeModalWidget()
    assert isinstance(box, QMessageBox)
    assert "Select rows" in box.text()
    box.close()


def test_cancel_changes_nothing(qtbot: QtBot, window: MainWindow, page: CachePage, table: Path) -> None:
    before = ends(table)
    page.entries.table.selectRow(0)
    dialog = asked(qtbot, window)
    dialog.cancel_button.click()
    qtbot.waitUntil(lambda: QApplication.activeModalWidget() is None)
    assert ends(table) == before


def test_a_cache_without_an_expiry_of_each_entry_says_why(qtbot: QtBot, window: MainWindow, comparisons: Path) -> None:
    attached(qtbot, window, f"json-directory:{comparisons}", 12)
    qtbot.waitUntil(lambda: window.action_set["purge"].isEnabled())
    action = window.action_set["set_ttl"]
    assert not action.isEnabled()
    assert "No field of an entry" in action.toolTip()


def test_what_was_done_is_said_in_one_line(qtbot: QtBot, window: MainWindow, page: CachePage) -> None:
    page.entries.table.selectRow(0)
    dialog = asked(qtbot, window)
    plan = dialog._plan
    assert plan is not None
    outcome = TtlOutcome(Kind.SET, 9, 1, 2, 3, 3, stopped=True, reasons=("The table refuses it.",))
    assert ttl_words.done_words(plan, outcome) == (
        "The TTL of 1 entry is 1 h now. 2 changed meanwhile and kept their own. 3 already gone."
        " 3 failed. The table refuses it. Stopped before the end."
    )
    persisted = ttl_words.done_words(plan, TtlOutcome(Kind.PERSIST, 4, 4))
    assert persisted == "The expiry of 4 entries is taken away."
    assert not math.isinf(plan.change.seconds)
    assert ttl_words.progress_words(Progress(3, 9, 1, changed=1, failed=1)) == (
        "3 of 9 entries, 1 changed meanwhile and kept, 1 failed"
    )
    dialog.reject()
