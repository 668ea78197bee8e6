"""Modules of Qt that are loaded after the first paint: on the window's thread, but one in each turn of its event loop.

Not on another thread: where a class of Qt is made while the event loop runs, one start of a hundred ended in a crash
of the bindings.
"""

from collections.abc import Sequence
from importlib import import_module

from PySide6.QtCore import QObject, QTimer, Signal


class Loading(QObject):
    """Imports modules by name, in this order.

    Signals:
        finished: all are there.
    """

    finished = Signal()

    def __init__(self, names: Sequence[str], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._names = list(names)
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._load_next)

    def start(self) -> None:
        """Begin with the next turn."""
        self._timer.start(0)

    def _load_next(self) -> None:
        if self._names:
            import_module(self._names.pop(0))
        else:
            self._timer.stop()
            self.finished.emit()
