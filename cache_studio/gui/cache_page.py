"""The page of one attached cache: header, what is wrong with it, and its three tabs."""

import time
from functools import cached_property
from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer, Signal
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QStackedWidget, QVBoxLayout, QWidget

from cache_studio.gui.cache_header import CacheHeader
from cache_studio.gui.controller import Controller
from cache_studio.gui.entries_tab import EntriesTab
from cache_studio.gui.look.text import tr
from cache_studio.gui.tabs import ACTIVITY, DASHBOARD
from cache_studio.gui.widgets.bars import NoticeBar
from cache_studio.model.errors import CacheStudioError
from cache_studio.model.units import format_age
from cache_studio.services.attachment import Attachment
from cache_studio.services.standing import News, Phase

if TYPE_CHECKING:
    from cache_studio.gui.activity.activity_tab import ActivityTab
    from cache_studio.gui.dashboard.dashboard_tab import DashboardTab


class CachePage(QWidget):
    """One attachment. Dashboard and Activity are made when they are first shown: they load the charts.

    Signals:
        status_changed(): the status line says something else.
        tab_changed(int): another tab is shown.
        undo_requested(str): id of the action to be undone.
        trash_requested(): show the trash page.
    """

    status_changed = Signal()
    tab_changed = Signal(int)
    undo_requested = Signal(str)
    trash_requested = Signal()

    def __init__(self, controller: Controller, attachment: Attachment, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.attachment = attachment
        self._controller = controller
        self._problem: CacheStudioError | None = None
        self._says_problem = False
        # Each part is made inside its parent: one that moves into it later has all its widgets styled anew.
        self._stack = QStackedWidget(self)
        self.header = CacheHeader(attachment, self)
        self.entries = EntriesTab(controller, attachment, self._stack)
        self._dashboard: DashboardTab | None = None
        self._activity: ActivityTab | None = None
        self._stack.addWidget(self.entries)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(0)
        self._column.addWidget(self.header)
        self._column.addWidget(self._stack, 1)
        self._clock = QTimer(self)
        self._clock.setInterval(1_000)
        self._clock.timeout.connect(lambda: self.header.tick(time.time()))
        self.header.tab_chosen.connect(self._on_tab)
        self.entries.status_changed.connect(self.status_changed)
        self.entries.failed.connect(self._on_failed)
        self.hear(News.VIEW)

    @cached_property
    def notice(self) -> NoticeBar:
        """What is wrong, below the header; made when something is."""
        made = NoticeBar(self)
        made.retry_requested.connect(self._retry)
        self._column.insertWidget(1, made)
        return made

    @property
    def tab(self) -> int:
        """Index of the tab that is shown."""
        return self.header.tabs.currentIndex()

    def show_tab(self, tab: int) -> None:
        """Go to a tab."""
        self.header.tabs.setCurrentIndex(tab)

    def hear(self, news: News) -> None:
        """Something of the attachment changed."""
        if news is News.VIEW:
            self.entries.refresh()
            if self._activity is not None and self.tab == ACTIVITY:
                self._activity.refresh()
        if news is News.PHASE:
            self.entries.refresh()
        if self._dashboard is not None and self.tab == DASHBOARD:
            self._dashboard.note_change()
        if self.isVisible():
            self.header.show_standing(self.attachment.standing)
        self._show_problem()
        self.status_changed.emit()

    def showEvent(self, event: QShowEvent) -> None:
        """Say how things are; what was heard meanwhile changed no words that nobody saw."""
        super().showEvent(event)
        self.header.show_standing(self.attachment.standing)
        self._clock.start()

    def hideEvent(self, event: QHideEvent) -> None:
        """Rest off screen."""
        super().hideEvent(event)
        self._clock.stop()

    def refresh_activity(self) -> None:
        """Something was done to the cache."""
        if self._activity is not None:
            self._activity.refresh()

    def close_page(self) -> None:
        """Want nothing any more; called before the attachment goes."""
        self._clock.stop()
        self.entries.feed.stop()
        if self._dashboard is not None:
            self._dashboard.set_active(False)

    def _on_tab(self, tab: int) -> None:
        if tab == DASHBOARD:
            self._stack.setCurrentWidget(self._made_dashboard())
        elif tab == ACTIVITY:
            self._stack.setCurrentWidget(self._made_activity())
        else:
            self._stack.setCurrentWidget(self.entries)
        if self._dashboard is not None:
            self._dashboard.set_active(tab == DASHBOARD)
        self.tab_changed.emit(tab)

    def _made_dashboard(self) -> QWidget:
        if self._dashboard is None:
            from cache_studio.gui.dashboard.dashboard_tab import DashboardTab  # loads the charts

            self._dashboard = DashboardTab(self._controller.tasks, self._controller.studio, self.attachment)
            self._stack.addWidget(self._dashboard)
        return self._dashboard

    def _made_activity(self) -> QWidget:
        if self._activity is None:
            from cache_studio.gui.activity.activity_tab import ActivityTab  # rarely needed

            self._activity = ActivityTab(self._controller.tasks, self._controller.studio, self.attachment)
            self._activity.undo_requested.connect(self.undo_requested)
            self._activity.trash_requested.connect(self.trash_requested)
            self._stack.addWidget(self._activity)
        self._activity.refresh()
        return self._activity

    def _show_problem(self) -> None:
        standing = self.attachment.standing
        error = standing.error or self._problem
        if error is not None:
            hint = error.hint
            if standing.view is not None and standing.phase is Phase.UNREACHABLE:
                age = format_age(time.time() - standing.at)
                hint = f"{hint} {tr('The entries below are as they were {age} ago.').replace('{age}', age)}".strip()
            self.notice.show_problem(error.message, hint)
        elif standing.partial:
            self.notice.show_problem(tr("The listing is not complete."), standing.partial)
        elif self._says_problem:
            self.notice.hide()
        self._says_problem = error is not None or bool(standing.partial)

    def _retry(self) -> None:
        self._problem = None
        self.attachment.refresh()
        self._show_problem()

    def _on_failed(self, error: CacheStudioError) -> None:
        self._problem = error
        self._show_problem()
