"""Mapping an unknown table in the attach dialog: what it makes of the first entries, and how it is shared."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest
from PySide6.QtWidgets import QLineEdit
from pytestqt.qtbot import QtBot

from cache_studio.config.project import FILE_NAME
from cache_studio.gui.attach_dialog import AttachDialog
from cache_studio.gui.main_window import MainWindow

SECONDS = 20_000
TTL = 2


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """Twelve rows under names that say nothing."""
    path = tmp_path / "data" / "app.db"
    path.parent.mkdir()
    now = round(time.time())
    with closing(sqlite3.connect(path)) as made, made:
        made.execute("CREATE TABLE blobs (who TEXT PRIMARY KEY, what TEXT, gone_by INTEGER)")
        rows = [(f"<b>key {number:02}</b>", f"value {number}", now + 7_200) for number in range(12)]
        made.executemany("INSERT INTO blobs VALUES (?, ?, ?)", rows)
    return path


@pytest.fixture
def dialog(qtbot: QtBot, window: MainWindow, database: Path) -> AttachDialog:
    made = AttachDialog(window, window.controller, f"sqlite-table:{database}?table=blobs&key=who")
    made.open()
    qtbot.waitUntil(lambda: made.preview.table.rowCount() == 10, timeout=SECONDS)
    return made


def text_at(dialog: AttachDialog, row: int, column: int) -> str:
    item = dialog.preview.table.item(row, column)
    assert item is not None
    return item.text()


def write(dialog: AttachDialog, field: str, text: str) -> None:
    """Type into a field as a user does."""
    found = dialog.form.field(field)
    assert isinstance(found, QLineEdit)
    found.setText(text)
    found.textEdited.emit(text)


def test_a_changed_field_changes_the_preview(qtbot: QtBot, dialog: AttachDialog) -> None:
    assert text_at(dialog, 0, 0) == "<b>key 00</b>"
    assert text_at(dialog, 0, TTL) == "–"
    write(dialog, "expires", "gone_by")
    qtbot.waitUntil(lambda: dialog.preview.table.rowCount() == 10 and "1 h" in text_at(dialog, 0, TTL), timeout=SECONDS)
    dialog.reject()


def test_a_column_that_is_not_there_is_said_in_place_of_rows(qtbot: QtBot, dialog: AttachDialog) -> None:
    write(dialog, "key", "nothing")
    qtbot.waitUntil(lambda: dialog.preview.table.rowCount() == 0, timeout=SECONDS)
    assert "nothing" in dialog.preview.message.text()
    dialog.reject()


def test_what_was_mapped_is_shared_and_picked_up(qtbot: QtBot, dialog: AttachDialog, tmp_path: Path) -> None:
    write(dialog, "expires", "gone_by")
    dialog.name.setText("Blobs")
    dialog.share_in(str(tmp_path))
    qtbot.waitUntil(lambda: (tmp_path / FILE_NAME).exists() and FILE_NAME in dialog.message.text(), timeout=SECONDS)
    dialog.target.setText(str(tmp_path))
    dialog.target.textEdited.emit(str(tmp_path))
    qtbot.waitUntil(lambda: dialog.form.values().get("expires") == "gone_by" and dialog.proposals.count() == 1)
    dialog.reject()


def test_a_folder_that_is_not_above_the_cache_is_refused(qtbot: QtBot, dialog: AttachDialog, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    dialog.share_in(str(tmp_path / "elsewhere"))
    qtbot.waitUntil(lambda: "does not lie below" in dialog.message.text(), timeout=SECONDS)
    dialog.reject()
