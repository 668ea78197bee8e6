"""The Activity tab over a real trash: what was done, what can be undone, what waits."""

import time
from pathlib import Path

import pytest
from conftest import HOSTILE, Attach
from PySide6.QtCore import Qt
from PySide6.QtTest import QAbstractItemModelTester
from pytestqt.qtbot import QtBot

from cache_studio.gui.activity.actions_model import ACTIONS, UNDO
from cache_studio.gui.activity.activity_tab import ALL, ActivityTab
from cache_studio.gui.item_models.rows_model import RowsModel
from cache_studio.gui.tasks import Tasks
from cache_studio.services import act, plans
from cache_studio.services.attachment import Attachment
from cache_studio.services.studio import Studio

UNDO_COLUMN = next(at for at, column in enumerate(ACTIONS) if column.name == UNDO)


@pytest.fixture
def purged(comparisons: Path, attach: Attach, studio: Studio) -> Attachment:
    """A cache whose five stale entries were purged."""
    attachment = attach(f"json-directory:{comparisons}")
    act.run(attachment, plans.plan_purge(attachment, time.time()), studio.trash, "window").future.result(20)
    return attachment


def shown(qtbot: QtBot, tasks: Tasks, studio: Studio, attachment: Attachment) -> ActivityTab:
    tab = ActivityTab(tasks, studio, attachment)
    qtbot.addWidget(tab)
    tab.resize(1100, 500)
    tab.show()
    tab.refresh()
    qtbot.waitUntil(lambda: bool(tab.usage_text()))
    return tab


def cells(model: RowsModel, row: int) -> list[str]:  # type: ignore[type-arg]
    return [str(model.index(row, column).data()) for column in range(model.columnCount())]


def test_an_action_is_listed_with_its_undo(
    qtbot: QtBot, tasks: Tasks, studio: Studio, purged: Attachment, look: str
) -> None:
    tab = shown(qtbot, tasks, studio, purged)
    _, verb, cache, entries, _, by, state, undo = cells(tab.listed, 0)
    assert (verb, cache, entries, by, undo) == ("purge", "comparisons", "5", "window", "Undo")
    assert state == "done, can be undone"
    assert tab.usage_text().startswith("5 entries wait in the trash, ")
    assert not tab.undo_button.isEnabled()
    tab.table.selectRow(0)
    with qtbot.waitSignal(tab.undo_requested) as asked:
        tab.undo_button.click()
    assert asked.args == [tab.listed.rows[0].id]


def test_a_click_on_undo_asks_for_it(qtbot: QtBot, tasks: Tasks, studio: Studio, purged: Attachment) -> None:
    tab = shown(qtbot, tasks, studio, purged)
    place = tab.table.visualRect(tab.listed.index(0, UNDO_COLUMN)).center()
    with qtbot.waitSignal(tab.undo_requested):
        qtbot.mouseClick(tab.table.viewport(), Qt.MouseButton.LeftButton, pos=place)
    elsewhere = tab.table.visualRect(tab.listed.index(0, 0)).center()
    with qtbot.assertNotEmitted(tab.undo_requested):
        qtbot.mouseClick(tab.table.viewport(), Qt.MouseButton.LeftButton, pos=elsewhere)


def test_after_the_undo_nothing_is_offered(qtbot: QtBot, tasks: Tasks, studio: Studio, purged: Attachment) -> None:
    act.undo(purged, studio.trash.action(), studio.trash).future.result(20)
    tab = shown(qtbot, tasks, studio, purged)
    assert cells(tab.listed, 0)[-1] == ""
    assert cells(tab.listed, 0)[-2].startswith("undone ")
    tab.table.selectRow(0)
    assert not tab.undo_button.isEnabled()


def test_only_this_cache_unless_all_are_asked_for(
    qtbot: QtBot, tasks: Tasks, studio: Studio, purged: Attachment
) -> None:
    studio.trash.note("compact", "/elsewhere", "json-file", HOSTILE, "command", time.time(), bytes=10)
    tab = shown(qtbot, tasks, studio, purged)
    assert tab.listed.rowCount() == 1
    tab.scope.choose(ALL)
    tab.refresh()
    qtbot.waitUntil(lambda: tab.listed.rowCount() == 2)
    assert cells(tab.listed, 0)[2] == "<img src=x onerror=alert(1)>\\u202etxt.exe"
    assert cells(tab.listed, 0)[6] == "done"


def test_the_trash_is_searched_by_key(qtbot: QtBot, tasks: Tasks, studio: Studio, purged: Attachment) -> None:
    tab = shown(qtbot, tasks, studio, purged)
    tab.search.setText("stale")
    qtbot.waitUntil(lambda: tab.waiting.rowCount() == 4)
    assert tab.found.isVisible()
    tab.search.setText("nothing like this")
    qtbot.waitUntil(tab._empty.isVisible)
    tab.search.clear()
    qtbot.waitUntil(tab.table.isVisible)


def test_a_cache_nothing_was_done_to_says_so(
    qtbot: QtBot, tasks: Tasks, studio: Studio, comparisons: Path, attach: Attach
) -> None:
    tab = shown(qtbot, tasks, studio, attach(f"json-directory:{comparisons}"))
    assert tab._empty.accessibleName() == "Nothing was done here yet."


def test_models_keep_the_rules(purged: Attachment, studio: Studio) -> None:
    model = RowsModel(ACTIONS)
    QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Fatal)
    model.set_rows(studio.trash.actions())
    model.set_rows(())
    assert model.rowCount() == 0
