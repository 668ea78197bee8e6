"""A main window that is painted before work in the background goes on."""

from collections.abc import Callable

from PySide6.QtCore import QEvent, QTimer
from PySide6.QtWidgets import QMainWindow

from cache_studio import precedence

_NEXT_MS = 1
"""0 would be in the same turn of the event loop."""


class PromptWindow(QMainWindow):
    """Paints all of its widgets, and lays them out, at a time when no thread takes Python away for long."""

    def in_next_turn(self, work: Callable[[], None]) -> None:
        """Do it, and first, when the event loop has come round: done at once it would hold the window for longer."""

        def first() -> None:
            with precedence.going_first():
                work()

        QTimer.singleShot(_NEXT_MS, self, first)

    def paint_later(self) -> None:
        """Paint what is in the middle when the event loop has come round: what was made there took its time.

        Not the whole window: Qt never paints one again whose updates were held back when it was about to be painted.
        """
        middle = self.centralWidget()
        assert middle is not None
        middle.setUpdatesEnabled(False)
        QTimer.singleShot(_NEXT_MS, middle, lambda: middle.setUpdatesEnabled(True))

    def event(self, event: QEvent) -> bool:
        """Go first with what paints the window's widgets (UpdateRequest) or lays them out (LayoutRequest)."""
        if event.type() not in (QEvent.Type.UpdateRequest, QEvent.Type.LayoutRequest):
            return super().event(event)
        with precedence.going_first():
            return super().event(event)
