"""What is loaded before the window is drawn, and what is done after."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, QObject, QTimer
from PySide6.QtGui import QPaintEvent
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from cache_studio.gui import app, loading

PROBE = """
import sys
from PySide6.QtCore import QEvent, QObject
from PySide6.QtWidgets import QApplication, QMainWindow

class FirstPaint(QObject):
    def eventFilter(self, watched, event):
        if event.type() is QEvent.Type.Paint and isinstance(watched, QMainWindow):
            application.removeEventFilter(self)
            print(*sys.modules)
            watched.close()
        return False

application = QApplication(["probe"])
look = FirstPaint()
application.installEventFilter(look)
sys.argv = ["cache-studio"]
from cache_studio.__main__ import main
main()
"""
HEAVY = ("numpy", "pyqtgraph", "watchdog", "redis", "msgspec", "cache_studio.services.studio", "cache_studio.decoding")


def test_nothing_heavy_is_loaded_before_the_window_is_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CACHE_STUDIO_HOME", str(tmp_path))
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    done = subprocess.run([sys.executable, "-c", PROBE], stdout=subprocess.PIPE, text=True, timeout=120, check=True)
    loaded = set(done.stdout.split())
    assert "cache_studio.gui.main_window" in loaded
    assert loaded.isdisjoint(HEAVY)


SERVICES = "main_window._load_services(); import cache_studio.services.studio"


def loaded_by(what: str, before: str = "pass") -> set[str]:
    """The modules that `what` loads in a new process, after the window's own and `before`."""
    probe = (
        "import importlib, sys; from cache_studio.gui import main_window\n"
        f"{before}\nknown = set(sys.modules)\n{what}\nprint(*(set(sys.modules) - known))"
    )
    done = subprocess.run([sys.executable, "-c", probe], stdout=subprocess.PIPE, text=True, timeout=120, check=True)
    return set(done.stdout.split())


def test_no_class_of_qt_is_made_off_the_windows_thread() -> None:
    loaded = loaded_by(SERVICES)
    assert "numpy" in loaded
    assert not [name for name in loaded if name.startswith(("PySide6", "cache_studio.gui"))]


def test_what_a_page_needs_is_loaded_before_the_first_cache_and_needs_nothing_heavy_then() -> None:
    loaded = loaded_by("[importlib.import_module(name) for name in main_window.PAGES]", SERVICES)
    assert {"cache_studio.gui.cache_page", "cache_studio.gui.dock.detail_dock"} <= loaded
    assert not [name for name in loaded if not name.startswith(("PySide6", "cache_studio.gui"))]


def test_common_formats_are_loaded_before_the_first_cache_and_make_no_class_of_qt() -> None:
    loaded = loaded_by("from cache_studio.adapters import preload; preload.formats()", SERVICES)
    names = ("json_directory", "json_file", "sqlite_table", "redis_keys", "diskcache")
    assert {f"cache_studio.adapters.{name}.adapter" for name in names} <= loaded
    assert not [name for name in loaded if name.startswith(("PySide6", "cache_studio.gui"))]


def test_modules_are_loaded_one_a_turn_and_in_order(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    turns: list[str] = []
    monkeypatch.setattr(loading, "import_module", turns.append)
    made = loading.Loading(loading.modules(["one", "two"]))
    beat = QTimer(made)
    beat.timeout.connect(lambda: turns.append("turn"))
    with qtbot.waitSignal(made.finished):
        made.start()
        beat.start(0)
    beat.stop()
    assert [name for name in turns if name != "turn"] == ["one", "two"]
    assert turns.index("two") - turns.index("one") > 1


def test_charts_are_loaded_when_nothing_is_read_any_more(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "CHARTS_AFTER_MS", 1)
    monkeypatch.setattr(loading, "charts", lambda: loaded.append("begun") or iter([None]))
    asked, loaded = [], []
    parent = QObject()

    def is_reading() -> bool:
        asked.append(len(asked) < 2)
        return asked[-1]

    made = loading.ChartLoading(is_reading, parent)
    made.start()
    assert not made.is_done
    qtbot.waitUntil(lambda: made.is_done)
    assert asked == [True, True, False]


def test_a_dashboard_loads_nothing_heavy_after_the_charts() -> None:
    before = f"{SERVICES}\n[importlib.import_module(name) for name in main_window.PAGES]"
    charts = "from cache_studio.gui import loading; list(loading.charts())"
    loaded = loaded_by("import pyqtgraph, cache_studio.gui.dashboard.charts", f"{before}\n{charts}")
    assert loaded == set()


class Window(QWidget):
    paints = 0

    def paintEvent(self, event: QPaintEvent) -> None:
        self.paints += 1


def test_work_is_done_once_and_after_the_first_paint(qtbot: QtBot) -> None:
    window, seen = Window(), []
    qtbot.addWidget(window)
    app._AfterFirstPaint(window, lambda: seen.append(window.paints))
    window.show()
    qtbot.waitUntil(lambda: bool(seen))
    window.repaint()
    assert seen[0] >= 1
    assert window.paints > seen[0]
    assert len(seen) == 1


def test_a_window_that_is_not_seen_begins_all_the_same(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "UNSEEN_MS", 10)
    window, seen = Window(), []
    qtbot.addWidget(window)
    begin = app._AfterFirstPaint(window, lambda: seen.append(window.paints))
    qtbot.waitUntil(lambda: bool(seen))
    begin.eventFilter(window, QEvent(QEvent.Type.Paint))
    assert not begin._timer.isActive()
    assert seen == [0]
