"""Find by key in the whole window: a listed key, one of which only the hash is stored, and none."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from cache_studio.gui.cache_page import CachePage
from cache_studio.gui.dialogs import find_key_dialog
from cache_studio.gui.dialogs.find_key_dialog import FindKeyDialog
from cache_studio.gui.main_window import MainWindow
from cache_studio.gui.tabs import ACTIVITY, ENTRIES

COUNT = 400
URL = "https://example.org/a?b=<c>"
HASHED = "entry 0321"
"""What the table calls the entry of URL."""


@pytest.fixture
def page(qtbot: QtBot, window: MainWindow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CachePage:
    """Many entries in two namespaces; the format knows under what the application stored one of them."""
    path = tmp_path / "app.db"
    rows = [("a", f"entry {number:04}") for number in range(COUNT)] + [("b", "entry 0007")]
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("CREATE TABLE cache (ns TEXT, key TEXT, value BLOB, PRIMARY KEY (ns, key))")
        database.executemany("INSERT INTO cache VALUES (?, ?, x'00')", rows)
    with qtbot.waitSignal(window.page_shown, timeout=20_000):
        window.attach_all([f"sqlite-table:{path}?table=cache&key=key&value=value&namespace=ns"])
    page = window.current_page()
    assert page is not None
    qtbot.waitUntil(lambda: page.entries.table.entries.rowCount() == len(rows), timeout=20_000)
    adapter = page.attachment.call(lambda found: found).result(20)
    by_name = adapter.lookup

    def lookup(keys: list[str], namespace: str | None = None) -> object:
        return by_name([HASHED if key == URL else key for key in keys], namespace)

    monkeypatch.setattr(adapter, "lookup", lookup)
    return page


def asked(qtbot: QtBot, window: MainWindow) -> FindKeyDialog:
    qtbot.waitUntil(window.action_set["find_key"].isEnabled)
    window.action_set["find_key"].trigger()
    qtbot.waitUntil(lambda: isinstance(QApplication.activeModalWidget(), FindKeyDialog))
    dialog = QApplication.activeModalWidget()
    assert isinstance(dialog, FindKeyDialog)
    return dialog


def find(qtbot: QtBot, window: MainWindow, key: str) -> FindKeyDialog:
    """Type a key and press Return."""
    dialog = asked(qtbot, window)
    assert dialog.focusWidget() is dialog.key
    assert not dialog.accept_button.isEnabled()
    qtbot.keyClicks(dialog.key, key)
    qtbot.keyClick(dialog.key, Qt.Key.Key_Return)
    return dialog


def chosen(page: CachePage) -> list[tuple[str, str]]:
    """Namespace and key of the selected entries."""
    table, view = page.entries.table, page.attachment.standing.view
    assert view is not None
    rows = [view.row_of(one) for one in table.chosen_ids()]
    return [(view.namespace_names[view.namespace_codes[row]], view.keys[row]) for row in rows if row is not None]


def test_a_listed_key_is_selected_and_scrolled_to(qtbot: QtBot, window: MainWindow, page: CachePage) -> None:
    page.show_tab(ACTIVITY)
    find(qtbot, window, "entry 0250")
    qtbot.waitUntil(lambda: QApplication.activeModalWidget() is None)
    qtbot.waitUntil(lambda: chosen(page) == [("a", "entry 0250")])
    entry = page.entries.current_entry()
    assert entry is not None
    assert entry.key == "entry 0250"
    assert page.tab == ENTRIES
    assert entry.id in page.entries.table.visible_ids()


def test_one_key_in_two_namespaces(qtbot: QtBot, window: MainWindow, page: CachePage) -> None:
    find(qtbot, window, "entry 0007")
    qtbot.waitUntil(lambda: sorted(chosen(page)) == [("a", "entry 0007"), ("b", "entry 0007")])


def test_the_key_that_was_hashed_is_found_behind_a_search(qtbot: QtBot, window: MainWindow, page: CachePage) -> None:
    page.entries.set_expression("entry 000")
    qtbot.waitUntil(lambda: page.entries.table.entries.rowCount() < COUNT)
    dialog = asked(qtbot, window)
    assert dialog.note.text() == "The search in force is cleared if it hides the entry."
    dialog.reject()
    find(qtbot, window, URL)
    qtbot.waitUntil(lambda: chosen(page) == [("a", HASHED)])
    assert page.entries.expression == ""
    assert page.entries.table.chosen_ids()[0] in page.entries.table.visible_ids()


def test_what_is_not_there_is_said_and_can_be_typed_again(qtbot: QtBot, window: MainWindow, page: CachePage) -> None:
    before = chosen(page)
    dialog = find(qtbot, window, "<b>no such key</b>")
    qtbot.waitUntil(lambda: "There is no entry with the key “<b>no such key</b>”." in dialog.note.text())
    assert dialog.isVisible()
    assert dialog.note.textFormat() is Qt.TextFormat.PlainText
    assert dialog.key.selectedText() == dialog.key.text()
    assert chosen(page) == before
    qtbot.keyClicks(dialog.key, "entry 0001")
    assert "no such key" not in dialog.note.text()
    qtbot.keyClick(dialog.key, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: chosen(page) == [("a", "entry 0001")])


def test_a_long_search_can_be_left(
    qtbot: QtBot, window: MainWindow, page: CachePage, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on, ended = threading.Event(), threading.Event(), threading.Event()
    real = find_key_dialog.find_entries

    def slow(*arguments: object) -> object:
        begun.set()
        assert go_on.wait(20)
        try:
            return real(*arguments)  # type: ignore[arg-type]
        finally:
            ended.set()

    monkeypatch.setattr(find_key_dialog, "find_entries", slow)
    before = chosen(page)
    try:
        dialog = find(qtbot, window, "entry 0250")
        qtbot.waitUntil(begun.is_set)
        assert not dialog.accept_button.isEnabled()
        dialog.cancel_button.click()
        qtbot.waitUntil(lambda: QApplication.activeModalWidget() is None)
    finally:
        go_on.set()
    assert ended.wait(20)
    told: list[bool] = []
    window.controller.tasks.run("after it", lambda _stop: True, told.append, lambda _error: None)
    qtbot.waitUntil(lambda: bool(told))
    assert chosen(page) == before
