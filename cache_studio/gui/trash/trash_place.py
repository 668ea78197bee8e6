"""The place of the trash in a window: the page, made when it is first wanted, and keeping within the settings."""

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QStackedWidget

from cache_studio.gui.controller import Controller

if TYPE_CHECKING:
    from cache_studio.gui.trash.trash_page import TrashPage


class TrashPlace(QObject):
    """One for each window.

    Signals:
        left(): the page was left.
        settings_requested(): change for how long and how much is kept.
        changed(Attachment or None): entries came back to this cache, or the trash was emptied.
        counted(): what waits is another now.
    """

    left = Signal()
    settings_requested = Signal()
    changed = Signal(object)
    counted = Signal()

    def __init__(self, controller: Controller, stack: QStackedWidget, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._controller, self._stack = controller, stack
        self.page: TrashPage | None = None

    def show(self) -> None:
        """Bring the page to the front of the stack."""
        page = self.page
        if page is None:
            from cache_studio.gui.trash.trash_page import TrashPage  # rarely needed

            page = self.page = TrashPage(self._controller)
            page.left.connect(self.left)
            page.settings_requested.connect(self.settings_requested)
            page.changed.connect(self.changed)
            self._stack.addWidget(page)
        self._stack.setCurrentWidget(page)
        page.refresh()
        page.search.setFocus()

    def tidy(self) -> None:
        """Let go what the settings no longer keep, then say anew what waits."""
        studio = self._controller.studio
        tasks = self._controller.tasks
        tasks.run("tidy", lambda _stop: studio.tidy(), lambda _none: self.count(), lambda _error: self.count())

    def count(self) -> None:
        """Say anew what waits."""
        self.counted.emit()
        if self.page is not None and self._stack.currentWidget() is self.page:
            self.page.refresh()
