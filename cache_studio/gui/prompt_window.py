"""A main window that is painted before work in the background goes on."""

from PySide6.QtCore import QEvent
from PySide6.QtWidgets import QMainWindow

from cache_studio.services import precedence


class PromptWindow(QMainWindow):
    """Paints all of its widgets, and lays them out, at a time when no thread takes Python away for long."""

    def event(self, event: QEvent) -> bool:
        """Go first with what paints the window's widgets (UpdateRequest) or lays them out (LayoutRequest)."""
        if event.type() not in (QEvent.Type.UpdateRequest, QEvent.Type.LayoutRequest):
            return super().event(event)
        with precedence.going_first():
            return super().event(event)
