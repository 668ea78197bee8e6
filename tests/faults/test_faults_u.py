"""The window under fire (U): whatever breaks under it or in it, it says so in a sentence and goes on."""

from __future__ import annotations

import errno
import json
import os
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, QTimer
from PySide6.QtWidgets import QApplication, QLabel, QMenu, QMessageBox, QWidget
from pytestqt.qtbot import QtBot

from cache_studio.adapters.json_directory.adapter import JsonDirectoryAdapter
from cache_studio.config import paths
from cache_studio.gui.app import catch_bugs
from cache_studio.gui.cache_page import ACTIVITY, DASHBOARD, CachePage
from cache_studio.gui.dialogs.plan_dialog import PlanDialog
from cache_studio.gui.main_window import MainWindow
from cache_studio.gui.messages import BugReporter
from cache_studio.gui.tasks import Tasks
from cache_studio.model.seeing import Fate, Removal
from cache_studio.services.standing import Phase
from cache_studio.trash.files import RESERVE, FileFolder
from cache_studio.trash.trash import Trash

SECONDS = 20_000
DAY = 86_400.0


def fill(folder: Path, count: int) -> None:
    """Write `count` stale entries of a json-directory."""
    folder.mkdir(exist_ok=True)
    for number in range(count):
        moment = datetime.fromtimestamp(time.time() - 2 * DAY - number).isoformat()
        entry = {"cache_key": f"key {number}", "timestamp": moment, "result": {"passed": True}}
        (folder / f"{number:064x}.json").write_text(json.dumps(entry))


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
    made = MainWindow()
    made.controller.tasks.bug_found.connect(bugs.append)
    made.dock.set_wanted(False)
    made.show()
    with qtbot.waitSignal(made.controller.ready, timeout=SECONDS):
        made.begin([])
    yield made
    for box in made.findChildren(QMessageBox):
        box.close()
    if made.isVisible():
        close(qtbot, made)
    for menu in QApplication.topLevelWidgets():
        if isinstance(menu, QMenu):  # pyqtgraph makes them without a parent
            menu.deleteLater()
    made.deleteLater()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    assert (bugs, reporter.box) == ([], None)


def close(qtbot: QtBot, window: MainWindow) -> None:
    with qtbot.waitSignal(window.closed, timeout=SECONDS):
        window.close()
    assert window.controller.wait_closed(10)


def attached(qtbot: QtBot, window: MainWindow, folder: Path, entries: int = 12) -> CachePage:
    with qtbot.waitSignal(window.controller.attached, timeout=SECONDS):
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
    window = MainWindow()
    window.dock.set_wanted(False)
    window.show()
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
        close(qtbot, window)
        window.deleteLater()
        QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


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
    assert time.monotonic() - began < 5
    trash = Trash(paths.trash_folder(), time.time())
    try:
        (action,) = trash.actions()
        assert trash.unsettled() == []
        assert stored(tmp_path / "many") + action.waiting == 400
        assert action.waiting % 20 == 0
    finally:
        trash.close()


def test_u05_the_window_closes_in_the_middle_of_a_listing(qtbot: QtBot, window: MainWindow, tmp_path: Path) -> None:
    fill(tmp_path / "many", 2_000)
    with qtbot.waitSignal(window.controller.attached, timeout=SECONDS):
        window.attach_all([f"json-directory:{tmp_path / 'many'}"])
    began = time.monotonic()
    close(qtbot, window)
    assert time.monotonic() - began < 5


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


# U8: a bug of ours, wherever it strikes


def in_a_slot(raiser: Callable[[], None], window: MainWindow) -> None:
    window.action_set["about"].triggered.connect(lambda _checked=False: raiser())
    window.action_set["about"].trigger()


def in_a_timer(raiser: Callable[[], None], window: MainWindow) -> None:
    QTimer.singleShot(0, window, raiser)


def in_a_thread(raiser: Callable[[], None], window: MainWindow) -> None:
    thread = threading.Thread(target=raiser)
    thread.start()
    thread.join()


def in_a_task(raiser: Callable[[], None], window: MainWindow) -> None:
    window.controller.tasks.run("bug", lambda _stop: raiser(), lambda _none: None, lambda _error: None)


def in_the_answer_of_a_task(raiser: Callable[[], None], window: MainWindow) -> None:
    window.controller.tasks.run("bug", lambda _stop: None, lambda _none: raiser(), lambda _error: None)


def in_what_a_thread_tells(raiser: Callable[[], None], window: MainWindow) -> None:
    window.controller.tasks.tell(raiser)


class Painted(QWidget):
    """A widget whose own method fails when Qt calls it."""

    raiser: Callable[[], None]

    def changeEvent(self, event: QEvent) -> None:
        if event.type() == QEvent.Type.EnabledChange:
            self.raiser()


def in_a_method_that_qt_calls(raiser: Callable[[], None], window: MainWindow) -> None:
    widget = Painted(window)
    widget.raiser = raiser
    QApplication.postEvent(widget, QEvent(QEvent.Type.EnabledChange))


@pytest.mark.qt_no_exception_capture
@pytest.mark.parametrize(
    "strike",
    [
        in_a_slot,
        in_a_timer,
        in_a_thread,
        in_a_task,
        in_the_answer_of_a_task,
        in_what_a_thread_tells,
        in_a_method_that_qt_calls,
    ],
)
def test_u08_a_bug_anywhere_opens_one_report_and_the_window_goes_on(
    qtbot: QtBot, cache: Path, expect_log: Callable[[str], None], strike: Callable[..., None]
) -> None:
    expect_log("a bug")
    if strike is in_a_task:
        expect_log("a task failed")
    reporter, window = BugReporter(), MainWindow()
    hooks = sys.excepthook, threading.excepthook
    catch_bugs(reporter)
    try:
        window.controller.tasks.bug_found.connect(reporter.report)
        window.dock.set_wanted(False)
        window.show()
        with qtbot.waitSignal(window.controller.ready, timeout=SECONDS):
            window.begin([])

        def raiser() -> None:
            raise ZeroDivisionError("struck")

        strike(raiser, window)
        qtbot.waitUntil(lambda: reporter.box is not None, timeout=SECONDS)
        assert reporter.box is not None
        assert "ZeroDivisionError: struck" in reporter.box.report
        reporter.box.reject()
        for box in window.findChildren(QMessageBox):
            box.close()
        page = attached(qtbot, window, cache)
        assert page.attachment.standing.phase is Phase.LIVE
    finally:
        sys.excepthook, threading.excepthook = hooks
        close(qtbot, window)
        window.deleteLater()
        QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def test_u08_a_bug_after_the_end_of_the_bridge_is_no_second_one(qtbot: QtBot) -> None:
    bridge, bugs = Tasks(), list[BaseException]()
    bridge.bug_found.connect(bugs.append)
    going = threading.Event()

    def work(stop: threading.Event) -> None:
        going.set()
        stop.wait(10)
        raise ZeroDivisionError("too late")

    bridge.run("late", work, lambda _none: None, lambda _error: None)
    assert going.wait(10)
    bridge.close()
    QApplication.processEvents()
    assert bugs == []
