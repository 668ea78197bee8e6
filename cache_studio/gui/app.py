"""Starts the window: dress, first paint, and only then everything heavy."""

import signal
import sys
import threading
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QTimer
from PySide6.QtWidgets import QApplication, QWidget

from cache_studio import __version__, heap
from cache_studio.config import paths
from cache_studio.config.settings import SettingsFile
from cache_studio.gui.dressing import dress
from cache_studio.gui.messages import BugReporter

if TYPE_CHECKING:
    from cache_studio.gui.main_window import MainWindow

CLOSE_SECONDS = 5.0
UNSEEN_MS = 1_000
"""After which a window that is not painted, because it begins minimised, goes on all the same."""
SWITCH_SECONDS = 0.000_1
"""How long another thread may keep Python. One that gives it away more often than this (it reads a socket) has it back
before who waits has woken up, who then begins to wait anew: at half a millisecond the window stood still for 70 ms.
"""
PRELOAD = "cache_studio.adapters.preload:listings"
"""What the child that waits for the first cache has loaded."""
Demo = Callable[[], Sequence[str]]
"""Starts the demo caches and returns their targets; blocks, is called off the window's thread."""


def run(targets: Sequence[str], demo: Demo | None = None) -> int:
    """Open the window, attach `targets`, and stay until it is closed; returns the exit code.

    `demo` is what the button "Try the demo" starts; without it the button is not there.
    """
    arrange_process()
    app = application(sys.argv[:1])
    settings, _ = SettingsFile(paths.settings_file()).load()
    dress(app, settings)
    reporter = BugReporter()
    from cache_studio.gui.main_window import MainWindow  # after the fonts: widgets measure text when they are made

    window = MainWindow(demo)
    window.controller.tasks.bug_found.connect(reporter.report)
    window.closed.connect(app.quit)
    catch_bugs(reporter)
    window.show()
    _AfterFirstPaint(window, lambda: begin(window, targets))
    wake = _let_python_see_signals(window.close)
    code = app.exec()
    wake.stop()
    window.controller.wait_closed(CLOSE_SECONDS)
    end()
    return code


def arrange_process() -> None:
    """How Python shares its time and its memory, as a window needs it; to be called before there are threads."""
    heap.arrange()
    sys.setswitchinterval(SWITCH_SECONDS)


def begin(window: "MainWindow", targets: Sequence[str]) -> None:
    """What follows the first paint: a child is started for the first cache, and all that is heavy is loaded."""

    def keep_one(_stop: threading.Event) -> None:
        from cache_studio.isolation import keep_ready

        keep_ready(PRELOAD)

    def load_formats(_stop: threading.Event) -> None:
        from cache_studio.adapters import preload

        preload.formats()

    window.controller.tasks.run("ready child", keep_one, lambda _none: None, lambda _error: None)
    window.controller.ready.connect(
        lambda: window.controller.tasks.run("formats", load_formats, lambda _none: None, lambda _error: None)
    )
    window.begin(targets)


def end() -> None:
    """What follows the last window: nothing of `begin` is left."""
    from cache_studio.isolation import end_ready

    end_ready()


def application(arguments: list[str]) -> QApplication:
    """The one QApplication, named."""
    app = QApplication.instance()
    app = app if isinstance(app, QApplication) else QApplication(arguments)
    app.setApplicationName("cache-studio")
    app.setApplicationDisplayName("Cache Studio")
    app.setApplicationVersion(__version__)
    app.setDesktopFileName("cache-studio")
    app.setQuitOnLastWindowClosed(False)
    return app


def catch_bugs(reporter: BugReporter) -> None:
    """Whatever nobody caught, on any thread, ends in the report box and not in the end of the program."""

    def on_window_thread(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if isinstance(error, KeyboardInterrupt):
            QApplication.quit()
        else:
            reporter.report(error)

    def elsewhere(args: threading.ExceptHookArgs) -> None:
        error = args.exc_value
        if error is not None:
            QTimer.singleShot(0, reporter, lambda: reporter.report(error))

    sys.excepthook = on_window_thread
    threading.excepthook = elsewhere


class _AfterFirstPaint(QObject):
    """Does something once: after the first paint of a window, or soon where the window is not seen."""

    def __init__(self, window: QWidget, work: Callable[[], object]) -> None:
        super().__init__(window)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(work)
        self._timer.start(UNSEEN_MS)
        window.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Look for the first paint."""
        if event.type() is QEvent.Type.Paint:
            watched.removeEventFilter(self)
            if self._timer.isActive():
                self._timer.start(0)
        return False


def _let_python_see_signals(close: Callable[[], object]) -> QTimer:
    """Ctrl+C and a polite kill close the window: Python looks at signals only between two of its own steps."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: close())
    timer = QTimer()
    timer.start(250)
    timer.timeout.connect(lambda: None)
    return timer
