"""A main window that is painted before work in the background goes on."""

from PySide6.QtCore import QEvent, QTimer
from PySide6.QtWidgets import QMainWindow

from cache_studio import precedence


class PromptWindow(QMainWindow):
    """Paints all of its widgets, and lays them out, at a time when no thread takes Python away for long."""

    def paint_later(self) -> None:
        """Paint again when the event loop has come round: making a page and painting it in one turn holds it up."""
        self.setUpdatesEnabled(False)
        QTimer.singleShot(1, self, lambda: self.setUpdatesEnabled(True))  # 0 would be in this turn

    def event(self, event: QEvent) -> bool:
        """Go first with what paints the window's widgets (UpdateRequest) or lays them out (LayoutRequest)."""
        if event.type() not in (QEvent.Type.UpdateRequest, QEvent.Type.LayoutRequest):
            return super().event(event)
        with precedence.going_first():
            return super().event(event)
