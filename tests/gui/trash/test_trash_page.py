"""The trash page over a real trash: search, restore of single entries and whole actions, emptying with a question."""

from __future__ import annotations

import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from cache_studio.gui.controller import Controller
from cache_studio.gui.trash.empty_dialog import EmptyDialog
from cache_studio.gui.trash.trash_page import TrashPage
from cache_studio.gui.trash.waiting_rows import DAY, Found, left_words, usage_words
from cache_studio.services import act, plans

HOSTILE = "<img src=x onerror=alert(1)>\u202etxt.exe"


@pytest.fixture
def controller(qtbot: QtBot) -> Iterator[Controller]:
    """A controller whose studio is there, with nothing attached."""
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
def purged(controller: Controller, comparisons: Path) -> str:
    """The action that purged the five stale entries of a cache which is not attached any more."""
    studio = controller.studio
    attachment = studio.attach(studio.resolve(f"json-directory:{comparisons}"))
    attachment.listed().result(20)
    plan = plans.plan_purge(attachment, time.time())
    outcome = act.run(attachment, plan, studio.trash, "window").future.result(20)
    studio.detach(attachment)
    assert outcome.undo_id is not None
    return outcome.undo_id


@pytest.fixture
def page(qtbot: QtBot, controller: Controller, purged: str) -> TrashPage:
    """The page, shown and filled."""
    made = TrashPage(controller)
    qtbot.addWidget(made)
    made.resize(1100, 500)
    made.show()
    made.refresh()
    qtbot.waitUntil(lambda: made.waiting.rowCount() == 5)
    return made


def row_of(page: TrashPage, key: str) -> int:
    return next(at for at, entry in enumerate(page.waiting.rows) if entry.key == key)


def stored(folder: Path) -> int:
    return len(list(folder.glob("*.json")))


def test_every_entry_that_waits_is_a_row(page: TrashPage, purged: str, look: str) -> None:
    cells = [str(page.waiting.index(row_of(page, HOSTILE), at).data()) for at in range(page.waiting.columnCount())]
    assert cells[0] == "<img src=x onerror=alert(1)>\\u202etxt.exe"
    assert cells[2] == "comparisons"
    assert cells[5:] == ["30 days", f"purge {purged}"]
    assert page.usage_text().startswith("5 entries wait, ")
    assert page.usage_text().endswith(" of 2.0 GB")
    assert not page.restore_button.isEnabled()
    assert not page.action_button.isEnabled()


def test_a_search_narrows_to_keys(qtbot: QtBot, page: TrashPage) -> None:
    page.search.setText("stale 3")
    qtbot.waitUntil(lambda: [entry.key for entry in page.waiting.rows] == ["stale 3"])
    page.search.setText("no such key")
    qtbot.waitUntil(page._empty.isVisible)
    assert page._empty.accessibleName() == "No key in the trash holds this text."
    page.search.clear()
    qtbot.waitUntil(lambda: page.waiting.rowCount() == 5)


def test_single_entries_come_back_to_a_cache_that_is_not_attached(
    qtbot: QtBot, page: TrashPage, controller: Controller, comparisons: Path
) -> None:
    page.table.selectRow(row_of(page, "stale 2"))
    assert page.restore_button.text() == "Restore"
    with qtbot.waitSignal(page.restoring.ended, timeout=20_000) as ended:
        page.restore_button.click()
        assert not page.empty_button.isEnabled()
    assert ended.args == ["Brought back 1 entry."]
    assert stored(comparisons) == 8
    qtbot.waitUntil(lambda: page.waiting.rowCount() == 4)
    assert page.bar.accessibleName() == "Brought back 1 entry."
    assert [one.place.name for one in controller.attachments] == ["comparisons"]


def test_a_whole_action_comes_back_and_a_newer_value_stays(qtbot: QtBot, page: TrashPage, comparisons: Path) -> None:
    path = comparisons / f"{sha256(b'stale 1').hexdigest()}.json"
    path.write_text('{"cache_key": "stale 1", "timestamp": "2030-01-01T00:00:00", "result": "newer"}')
    page.table.selectRow(row_of(page, "stale 3"))
    with qtbot.waitSignal(page.restoring.ended, timeout=20_000) as ended:
        page.action_button.click()
    assert ended.args == ["Brought back 4 entries. 1 kept a newer value."]
    assert "newer" in path.read_text()
    qtbot.waitUntil(lambda: [entry.key for entry in page.waiting.rows] == ["stale 1"])


def test_a_cache_that_is_gone_is_said(qtbot: QtBot, page: TrashPage, comparisons: Path) -> None:
    comparisons.rename(comparisons.with_name("elsewhere"))
    page.table.selectRow(0)
    with qtbot.waitSignal(page.restoring.ended, timeout=20_000) as ended:
        page.restore_button.click()
    assert ended.args is not None
    assert ended.args[0].startswith("Brought back 0 entries. 1 failed. ")
    qtbot.waitUntil(page.restore_button.isEnabled)
    assert page.waiting.rowCount() == 5


def the_question(qtbot: QtBot) -> EmptyDialog:
    qtbot.waitUntil(lambda: isinstance(QApplication.activeModalWidget(), EmptyDialog))
    dialog = QApplication.activeModalWidget()
    assert isinstance(dialog, EmptyDialog)
    return dialog


def test_emptying_is_asked_first(qtbot: QtBot, page: TrashPage) -> None:
    page.empty_button.click()
    dialog = the_question(qtbot)
    assert dialog.focusWidget() is dialog.cancel_button
    assert dialog.accept_button.text() == "Delete 5 entries"
    dialog.cancel_button.click()
    assert page.waiting.rowCount() == 5
    page.empty_button.click()
    with qtbot.waitSignal(page.changed):
        the_question(qtbot).accept_button.click()
    qtbot.waitUntil(lambda: page.waiting.rowCount() == 0)
    assert page.bar.accessibleName() == "Deleted 5 entries for good."
    qtbot.waitUntil(lambda: not page.empty_button.isEnabled())


@pytest.mark.parametrize(
    ("age", "words"), [(0.0, "30 days"), (DAY, "29 days"), (29.5 * DAY, "1 day"), (31 * DAY, "until the next start")]
)
def test_time_left_in_words(age: float, words: str) -> None:
    assert left_words(1_000_000.0 - age, 30, 1_000_000.0) == words


def test_usage_in_words() -> None:
    assert usage_words(Found((), 1, 1_500), 2_000_000_000) == "1 entry waits, 1.5 kB of 2.0 GB"
