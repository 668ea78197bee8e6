"""The dock at the right: the entry that is chosen. Its content is made when it is first shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Signal
from PySide6.QtWidgets import QDockWidget, QVBoxLayout, QWidget

from cache_studio.gui.controller import Controller
from cache_studio.gui.look.text import tr

if TYPE_CHECKING:
    from cache_studio.gui.cache_page import CachePage
    from cache_studio.gui.dock.detail_dock import DetailDock

WIDTH = 320


class EntryDock(QDockWidget):
    """Shows the current entry of the page in front; hidden on other tabs and where the user closed it.

    Signals:
        message(str): something for the status line.
    """

    message = Signal(str)

    def __init__(self, controller: Controller, parent: QWidget | None = None) -> None:
        super().__init__(tr("Entry"), parent)
        self.setObjectName("entry")
        self.setAccessibleName(tr("Entry"))
        self.wanted = True
        self._controller = controller
        self._page: CachePage | None = None
        self._content: DetailDock | None = None
        self._frame = _Frame()
        self._column = QVBoxLayout(self._frame)
        self._column.setContentsMargins(0, 0, 0, 0)
        self.setWidget(self._frame)
        self.hide()

    def show_for(self, page: CachePage | None) -> None:
        """The page in front is another one; None hides the dock."""
        self._page = page
        visible = page is not None and self.wanted
        if visible and page is not None:
            self.show_entry(page)
        elif self._content is not None:
            self._content.show_entry(None, None, {})  # nobody would see what is still to be read
        self.setVisible(visible)

    def prepare(self) -> None:
        """Make the content before the first cache is attached, whose page takes long enough by itself."""
        if self.wanted:
            self._made()

    def set_wanted(self, wanted: bool) -> None:
        """The user opened or closed the dock."""
        self.wanted = wanted
        self.show_for(self._page)

    def show_entry(self, page: CachePage) -> None:
        """Show the current entry of a page."""
        if page is not self._page or not self.wanted:
            return
        content = self._made()
        attachment = page.attachment
        content.show_entry(attachment, page.entries.current_entry(), attachment.standing.sources)

    def _made(self) -> DetailDock:
        if self._content is None:
            from cache_studio.gui.dock.detail_dock import DetailDock  # loads the value views

            self._content = DetailDock(self._controller.tasks, self._controller.studio, self._frame)
            self._content.closed.connect(lambda: self.set_wanted(False))
            self._content.message.connect(self.message)
            self._column.addWidget(self._content)
            self.setTitleBarWidget(self._content.head)  # to be dragged by; a double click lets it float
        return self._content


class _Frame(QWidget):
    """The content's place, as wide at first as the style note says."""

    def sizeHint(self) -> QSize:
        return QSize(WIDTH, 600)
