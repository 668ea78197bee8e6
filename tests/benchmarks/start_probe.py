"""Starts one window, notes when it was first painted and when the first rows were, closes it, prints both as JSON.

    python start_probe.py bare | cache-studio [TARGET]

Moments of `time.perf_counter`, which on Linux all processes share. `first_paint.py` runs it.
"""

import json
import sys
import time
from collections.abc import Callable

from PySide6.QtCore import QAbstractTableModel, QEvent, QModelIndex, QObject, Qt, QTimer
from PySide6.QtWidgets import QApplication, QMainWindow, QTableView, QWidget

Moments = dict[str, float]


class Painted(QObject):
    """Notes the first paint of the window, and the first one at which the table has rows."""

    def __init__(self, moments: Moments, wanted: tuple[str, ...]) -> None:
        super().__init__()
        self._moments, self._wanted = moments, wanted

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Look at paint events only."""
        if event.type() is QEvent.Type.Paint and isinstance(watched, QWidget):
            window = watched.window()
            if isinstance(window, QMainWindow):
                QTimer.singleShot(0, lambda: self._note(window))  # after what is under way was painted
        return False

    def _note(self, window: QMainWindow) -> None:
        now = time.perf_counter()
        self._moments.setdefault("painted", now)
        if any(view.isVisible() and view.model() and view.model().rowCount() for view in tables(window)):
            self._moments.setdefault("rows", now)
        if all(name in self._moments for name in self._wanted):
            window.close()


class Numbers(QAbstractTableModel):
    """A thousand rows of nothing much: what the bare window shows."""

    def rowCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008 - Qt's own signature
        """Rows."""
        return 1_000

    def columnCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008 - Qt's own signature
        """Columns."""
        return 8

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """A number."""
        return str(index.row()) if role == Qt.ItemDataRole.DisplayRole else None


def tables(window: QMainWindow) -> list[QTableView]:
    """The tables of a window."""
    return window.findChildren(QTableView)


def bare() -> Callable[[], object]:
    """The least window with a table; returns what runs it."""
    window = QMainWindow()
    view = QTableView()
    view.setModel(Numbers(view))
    window.setCentralWidget(view)
    window.resize(1440, 900)
    window.show()
    return lambda: (window, QApplication.exec())


def ours(targets: list[str]) -> Callable[[], object]:
    """The program as its command starts it."""
    from cache_studio.__main__ import main

    sys.argv = ["cache-studio", *targets]
    return main


def run(arguments: list[str]) -> None:
    """One start."""
    moments: Moments = {}
    app = QApplication(["cache-studio"])
    watcher = Painted(moments, ("painted", "rows") if len(arguments) > 1 else ("painted",))
    app.installEventFilter(watcher)
    try:
        (bare() if arguments[0] == "bare" else ours(arguments[1:]))()
    except SystemExit as end:
        if end.code:
            raise
    finally:
        print(json.dumps(moments))


if __name__ == "__main__":
    run(sys.argv[1:])
