"""A bug of ours (U8), wherever it strikes, and places that somebody else wrote into our files (U7)."""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, QTimer
from PySide6.QtWidgets import QApplication, QMessageBox, QWidget
from pytestqt.qtbot import QtBot
from windows import SECONDS, attached, began, end, fill

from cache_studio.config import paths
from cache_studio.config.profiles import Profile, Profiles
from cache_studio.gui.app import catch_bugs
from cache_studio.gui.main_window import MainWindow
from cache_studio.gui.messages import BugReporter
from cache_studio.gui.tasks import Tasks
from cache_studio.services.standing import Phase


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
    qtbot: QtBot, tmp_path: Path, expect_log: Callable[[str], None], strike: Callable[..., None]
) -> None:
    expect_log("a bug")
    if strike is in_a_task:
        expect_log("a task failed")
    reporter, window = BugReporter(), began()
    hooks = sys.excepthook, threading.excepthook
    catch_bugs(reporter)
    try:
        window.controller.tasks.bug_found.connect(reporter.report)
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
        fill(tmp_path / "cache", 12)
        page = attached(qtbot, window, tmp_path / "cache")
        assert page.attachment.standing.phase is Phase.LIVE
    finally:
        sys.excepthook, threading.excepthook = hooks
        end(qtbot, window)


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


def test_u07_a_place_in_a_hostile_profile_is_shown_and_not_used(qtbot: QtBot, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        target = f"redis://127.0.0.1:{server.getsockname()[1]}/0?prefix=x:"
        hostile = Profile(name="<b>harmless</b>", target=target, format="redis", last_opened=1.0)
        Profiles(paths.profiles_file()).remember(hostile)
        window = began()
        try:
            with qtbot.waitSignal(window.controller.ready, timeout=SECONDS):
                window.begin([])
            qtbot.waitUntil(lambda: len(window.places.recent_places()) == 1, timeout=SECONDS)
            (shown,) = window.places.recent_places()
            assert (shown.name, shown.target) == ("<b>harmless</b>", target)
            assert window.controller.attachments == []
            with pytest.raises(BlockingIOError):  # nobody came
                server.accept()
        finally:
            end(qtbot, window)
