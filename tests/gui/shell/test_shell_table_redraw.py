"""What of the entry table is drawn again when a cache changes."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QRect
from PySide6.QtGui import QPaintEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from test_shell_entry_model import catalog, listing

from cache_studio.gui.entry_table import EntryTable
from cache_studio.model.columns import make_batch
from cache_studio.services.catalog import Catalog

ENTRIES = 500


class Seen(EntryTable):
    """Notes what is drawn."""

    def __init__(self) -> None:
        super().__init__()
        self.drawn: list[QRect] = []

    def paintEvent(self, event: QPaintEvent) -> None:
        self.drawn.append(event.region().boundingRect())
        super().paintEvent(event)


@pytest.fixture
def made() -> Catalog:
    return catalog(ENTRIES)


@pytest.fixture
def table(qtbot: QtBot, made: Catalog) -> Seen:
    found = Seen()
    qtbot.addWidget(found)
    found.resize(900, 400)
    found.show_rows(listing(made.view()))
    with qtbot.waitExposed(found):
        found.show()
    found._ticker.stop()  # what time alone changes is drawn by it
    qtbot.waitUntil(lambda: bool(found.drawn))
    return found


def change(made: Catalog, number: int, key: str = "") -> None:
    made.add(make_batch([f"id{number}"], [key or f"key{number:04d}"], [(number, 2, 2)], size=[1.0]))


def drawn_for(table: Seen, made: Catalog) -> QRect:
    """The rectangle around what is drawn for the newest view."""
    QApplication.processEvents()
    table.drawn.clear()
    table.show_rows(listing(made.view()))
    QApplication.processEvents()
    whole = QRect()
    for one in table.drawn:
        whole |= one
    return whole


def test_a_changed_entry_on_the_screen_is_drawn_alone(table: Seen, made: Catalog) -> None:
    change(made, 3)
    width = table.viewport().width()
    assert drawn_for(table, made) == QRect(0, table.rowViewportPosition(3), width, table.rowHeight(3))
    assert table.entries.entry(3).size == 1


def test_a_changed_entry_off_the_screen_is_not_drawn(table: Seen, made: Catalog) -> None:
    change(made, ENTRIES - 1)
    assert drawn_for(table, made).isEmpty()


def test_all_is_drawn_where_entries_moved(table: Seen, made: Catalog) -> None:
    change(made, 3, "z")
    assert drawn_for(table, made) == table.viewport().rect()


def test_all_is_drawn_where_figures_are_awaited(table: Seen, made: Catalog) -> None:
    made.add(make_batch(["id400"], ["key0400"], [(400, 2, 2)], pending=["size"]))
    assert drawn_for(table, made) == table.viewport().rect()
    made.fill(make_batch(["id400"], ["key0400"], [(400, 2, 2)], size=[7.0]))
    assert drawn_for(table, made) == table.viewport().rect()
    assert drawn_for(table, made).isEmpty()
