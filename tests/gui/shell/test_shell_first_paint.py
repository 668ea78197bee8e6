"""What is loaded before the window is drawn, and what is done after."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from PySide6.QtCore import QEvent
from PySide6.QtGui import QPaintEvent
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from cache_studio.gui import app

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


def test_what_a_page_and_its_row_at_the_left_need_is_loaded_off_the_windows_thread() -> None:
    probe = "import sys; from cache_studio.gui import main_window; main_window._load_pages(); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", probe], stdout=subprocess.PIPE, text=True, timeout=120, check=True)
    assert {"cache_studio.gui.cache_page", "cache_studio.gui.cache_rows"} <= set(done.stdout.split())


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
