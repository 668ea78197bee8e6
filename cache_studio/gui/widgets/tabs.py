"""The tabs of a cache: Entries, Dashboard, Activity."""

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QTabBar, QWidget


class PageTabs(QTabBar):
    """Tabs at their own width with the accent under the current one; Left and Right change it."""

    def __init__(self, name: str, pages: Sequence[str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self.setExpanding(False)
        self.setDrawBase(False)
        self.setElideMode(Qt.TextElideMode.ElideNone)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        for page in pages:
            self.addTab(page)
