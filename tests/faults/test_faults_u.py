"""The window under fire (U): whatever breaks under it or in it, it says so in a sentence and goes on."""

from __future__ import annotations

import errno
import os
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from patience import PATIENCE
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication, QMessageBox
from pytestqt.qtbot import QtBot
from windows import SECONDS, attached, began, close, end, fill, planned, press, stored, words

from cache_studio.adapters.json_directory.adapter import JsonDirectoryAdapter
from cache_studio.config import paths
from cache_studio.gui.app import catch_bugs
from cache_studio.gui.dialogs.plan_dialog import PlanDialog
from cache_studio.gui.dock.detail_dock import DetailDock
from cache_studio.gui.main_window import MainWindow
from cache_studio.gui.messages import BugReporter
from cache_studio.gui.tabs import ACTIVITY, DASHBOARD
from cache_studio.model.seeing import Fate, Removal
from cache_studio.services import act, plans
from cache_studio.services.attachment import Attachment
from cache_studio.services.standing import Phase
from cache_studio.services.studio import Studio
from cache_studio.trash.files import RESERVE, FileFolder
from cache_studio.trash.trash import Trash


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """A json-directory of 12 stale entries."""
    fill(tmp_path / "cache", 12)
    return tmp_path / "cache"


@pytest.fixture
def reporter(qtbot: QtBot) -> Iterator[BugReporter]:
    """Everything that nobody caught goes where it goes in the program."""
    hooks = sys.excepthook, threading.excepthook
    made = BugReporter()
    catch_bugs(made)
    yield made
    sys.excepthook, threading.excepthook = hooks
    if made.box is not None:
        made.box.reject()


@pytest.fixture
def window(qtbot: QtBot, reporter: BugReporter, monkeypatch: pytest.MonkeyPatch) -> Iterator[MainWindow]:
    """A window that has begun, as the program makes it; no fault of the test may be a bug of ours."""
    monkeypatch.setattr("cache_studio.gui.main_window.LOOK_AFTER_MS", 3_600_000)
    bugs: list[BaseException] = []
    made = began()
    made.controller.tasks.bug_found.connect(bugs.append)
    with qtbot.waitSignal(made.controller.ready, timeout=SECONDS):
        made.begin([])
    yield made
    end(qtbot, made)
    assert (bugs, reporter.box) == ([], None)


# U1, U4, U6: actions


def test_u01_a_clear_shows_numbers_and_one_click_undoes_it(qtbot: QtBot, window: MainWindow, cache: Path) -> None:
    page = attached(qtbot, window, cache)
    window.action_set["clear"].trigger()
    qtbot.waitUntil(lambda: QApplication.activeModalWidget() is not None)
    asking = QApplication.activeModalWidget()
    assert asking is not None
    asking.accept_button.click()  # type: ignore[attr-defined]
    qtbot.waitUntil(lambda: isinstance(QApplication.activeModalWidget(), PlanDialog), timeout=SECONDS)
    dialog = QApplication.activeModalWidget()
    assert isinstance(dialog, PlanDialog)
    qtbot.waitUntil(lambda: dialog.action_button is not None, timeout=SECONDS)
    assert "12" in words(dialog)
    assert "30 days" in words(dialog)
    assert dialog.focusWidget() is dialog.cancel_button
    press(dialog)
    qtbot.waitUntil(page.entries.undo_bar.isVisible, timeout=SECONDS)
    assert stored(cache) == 0
    page.entries.undo_bar._undo.click()
    qtbot.waitUntil(lambda: page.entries.undo_bar.accessibleName() == "Brought back 12 entries.", timeout=SECONDS)
    assert stored(cache) == 12


def test_u04_without_room_for_undo_it_is_asked_with_numbers(
    qtbot: QtBot, window: MainWindow, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    attached(qtbot, window, cache)
    monkeypatch.setattr(FileFolder, "free_bytes", lambda self: RESERVE + 10)
    dialog = planned(qtbot, window)
    assert "This cannot be undone. The copies for undo need " in words(dialog)
    assert "has room for 10 B" in words(dialog)
    assert dialog.focusWidget() is dialog.cancel_button
    dialog.cancel_button.click()
    assert stored(cache) == 12
    dialog = planned(qtbot, window)
    press(dialog)
    qtbot.waitUntil(lambda: stored(cache) == 0, timeout=SECONDS)
    assert window.controller.studio.trash.usage() == (0, 0)


def test_u04_a_trash_that_is_full_in_the_middle_removes_nothing(
    qtbot: QtBot, window: MainWindow, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    attached(qtbot, window, cache)
    dialog = planned(qtbot, window)
    monkeypatch.setattr(FileFolder, "free_bytes", lambda self: 0)
    press(dialog)
    qtbot.waitUntil(lambda: "There is no room to keep" in words(dialog), timeout=SECONDS)
    dialog.cancel_button.click()
    assert stored(cache) == 12


def test_u06_an_action_without_effect_is_said(
    qtbot: QtBot, window: MainWindow, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = attached(qtbot, window, cache)
    monkeypatch.setattr("cache_studio.gui.cache_commands.LOOK_AGAIN_MS", 0)
    monkeypatch.setattr(
        JsonDirectoryAdapter, "remove", lambda self, entries, keep: [Removal(one.id, Fate.REMOVED) for one in entries]
    )
    dialog = planned(qtbot, window)
    press(dialog)
    bar = page.entries.undo_bar
    qtbot.waitUntil(lambda: "12 came back" in bar.accessibleName(), timeout=SECONDS)
    assert page.entries.table.entries.rowCount() == 12


# U3: our own databases


@pytest.mark.parametrize("broken", ["trash", "history"])
def test_u03_a_broken_database_of_ours_is_set_aside_at_the_start(qtbot: QtBot, cache: Path, broken: str) -> None:
    path = paths.trash_folder() / "index.db" if broken == "trash" else paths.history_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"this is no database " * 500)
    window = began()
    with qtbot.waitSignal(window.controller.ready, timeout=SECONDS):
        window.begin([])
    try:
        box = QApplication.activeModalWidget()
        assert isinstance(box, QMessageBox)
        assert "set aside" in box.text()
        box.close()
        attached(qtbot, window, cache)
        press(planned(qtbot, window))
        qtbot.waitUntil(lambda: stored(cache) == 0, timeout=SECONDS)
    finally:
        end(qtbot, window)


def test_u03_a_history_that_breaks_while_it_is_used_costs_only_itself(
    qtbot: QtBot, window: MainWindow, cache: Path
) -> None:
    page = attached(qtbot, window, cache)
    page.show_tab(DASHBOARD)
    for ending in ("", "-wal"):
        path = Path(f"{paths.history_file()}{ending}")
        if path.exists():
            path.write_bytes(b"\xff" * 8192)
    fill(cache, 14)
    page.attachment.refresh()
    qtbot.waitUntil(lambda: page.entries.table.entries.rowCount() == 14, timeout=SECONDS)
    assert page.attachment.standing.phase is Phase.LIVE
    press(planned(qtbot, window))
    qtbot.waitUntil(lambda: stored(cache) == 0, timeout=SECONDS)


# U5 and what goes from under the window


def test_u05_the_window_closes_in_the_middle_of_an_action(
    qtbot: QtBot, window: MainWindow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path / "many", 400)
    monkeypatch.setattr(JsonDirectoryAdapter, "batch_size", 20)
    under_way, remove = threading.Event(), JsonDirectoryAdapter.remove

    def removing(self: JsonDirectoryAdapter, *arguments: object) -> list[Removal]:
        under_way.set()
        return remove(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(JsonDirectoryAdapter, "remove", removing)
    attached(qtbot, window, tmp_path / "many", 400)
    press(planned(qtbot, window))
    assert under_way.wait(10)
    began = time.monotonic()
    close(qtbot, window)
    assert time.monotonic() - began < PATIENCE
    trash = Trash(paths.trash_folder(), time.time())
    try:
        (action,) = trash.actions()
        assert trash.unsettled() == []
        assert stored(tmp_path / "many") + action.waiting == 400
        assert action.waiting % 20 == 0
    finally:
        trash.close()


def test_u05_the_window_closes_before_a_chosen_value_is_read(qtbot: QtBot, window: MainWindow, cache: Path) -> None:
    table = attached(qtbot, window, cache).entries.table
    window.dock.set_wanted(True)
    table.setCurrentIndex(table.entries.index(0, 0))
    content = window.dock.findChild(DetailDock)
    assert content is not None
    waiting = [timer for timer in content.children() if isinstance(timer, QTimer)]
    qtbot.waitUntil(lambda: any(timer.isActive() for timer in waiting), timeout=SECONDS)
    with qtbot.waitSignal(window.closed, timeout=SECONDS):
        window.close()
        assert [timer for timer in waiting if timer.isActive()] == []  # the reader ends at any moment from here on
    assert window.controller.wait_closed(10)


def test_u05_the_window_closes_in_the_middle_of_a_listing(qtbot: QtBot, window: MainWindow, tmp_path: Path) -> None:
    fill(tmp_path / "many", 2_000)
    with qtbot.waitSignal(window.controller.attached, timeout=SECONDS):
        window.attach_all([f"json-directory:{tmp_path / 'many'}"])
    began = time.monotonic()
    close(qtbot, window)
    assert time.monotonic() - began < PATIENCE


def test_u05_a_cache_that_vanishes_is_said_and_comes_back(qtbot: QtBot, window: MainWindow, cache: Path) -> None:
    page = attached(qtbot, window, cache)
    shutil.rmtree(cache)
    page.attachment.refresh()
    qtbot.waitUntil(lambda: page.attachment.standing.phase is Phase.UNREACHABLE, timeout=SECONDS)
    qtbot.waitUntil(page.notice.isVisible, timeout=SECONDS)
    assert "There is no “" in page.notice.accessibleName()
    assert page.entries.table.entries.rowCount() == 12
    page.show_tab(ACTIVITY)
    fill(cache, 3)
    page.notice.button.click()
    qtbot.waitUntil(lambda: page.entries.table.entries.rowCount() == 3, timeout=SECONDS)
    qtbot.waitUntil(lambda: not page.notice.isVisible(), timeout=SECONDS)


def test_u05_a_disk_that_is_full_at_an_export_leaves_no_half_a_file(
    qtbot: QtBot, window: MainWindow, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cache_studio.gui.dialogs.export_dialog import ExportDialog

    attached(qtbot, window, cache)
    window.action_set["export"].trigger()
    dialog = QApplication.activeModalWidget()
    assert isinstance(dialog, ExportDialog)

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    (tmp_path / "out").mkdir()
    monkeypatch.setattr("cache_studio.reports.files.os.fsync", full)
    dialog.file.edit.setText(str(tmp_path / "out" / "entries.json"))
    dialog.export_button.click()
    qtbot.waitUntil(lambda: "No space left on device" in words(dialog), timeout=SECONDS)
    assert list((tmp_path / "out").iterdir()) == []
    dialog.reject()


# U2


def test_u02_two_studios_on_one_cache_see_and_undo_each_other(cache: Path) -> None:
    one, two = Studio(follow=True), Studio(follow=True)
    try:
        here, there = (studio.attach(studio.resolve(f"json-directory:{cache}")) for studio in (one, two))
        for attachment in (here, there):
            attachment.listed().result(20)
        outcome = act.run(here, plans.plan_purge(here, time.time()), one.trash, "window").future.result(20)
        assert outcome.removed == 12
        until(lambda: entries(there) == 0)
        undone = act.undo(there, act.find_action(two.trash, outcome.undo_id), two.trash).future.result(20)
        assert undone.restored == 12
        until(lambda: entries(here) == 12)
        assert one.trash.usage() == (0, 0)
    finally:
        one.close()
        two.close()


def entries(attachment: Attachment) -> int:
    view = attachment.standing.view
    return -1 if view is None else len(view)


def until(reached: Callable[[], bool]) -> None:
    """Wait for what another thread does, with a deadline."""
    deadline, turn = time.monotonic() + PATIENCE, threading.Event()
    while not reached():
        assert time.monotonic() < deadline
        turn.wait(0.02)
