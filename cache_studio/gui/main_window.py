"""The window: menus, toolbar, the caches at the left, the page of one cache, the entry at the right."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt, QTimer, Signal
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent, QResizeEvent
from PySide6.QtWidgets import QSplitter, QStackedWidget, QToolBar

from cache_studio.gui.actions import ICON_GAP, ActionSet, Situation
from cache_studio.gui.attach_commands import AttachCommands
from cache_studio.gui.caches_panel import WIDTH, CachesPanel
from cache_studio.gui.controller import Controller
from cache_studio.gui.entry_dock import EntryDock
from cache_studio.gui.known_places import KnownPlaces
from cache_studio.gui.loading import ChartLoading
from cache_studio.gui.look.text import tr
from cache_studio.gui.messages import show_notice
from cache_studio.gui.prompt_window import PromptWindow
from cache_studio.gui.refusals import Refusals
from cache_studio.gui.start_page import StartPage, targets_of
from cache_studio.gui.status_line import StatusLine
from cache_studio.gui.tabs import ENTRIES
from cache_studio.gui.trash.trash_place import TrashPlace
from cache_studio.gui.widgets.painting import forget_texts
from cache_studio.gui.window_commands import WindowCommands
from cache_studio.gui.window_memory import Shown, WindowMemory

if TYPE_CHECKING:
    from cache_studio.gui.cache_commands import CacheCommands
    from cache_studio.gui.cache_page import CachePage
    from cache_studio.services.attachment import Attachment
    from cache_studio.services.standing import News

PAGES = (
    "cache_studio.gui.widgets.entry_table",
    "cache_studio.gui.entry_feed",
    "cache_studio.gui.filter_bar",
    "cache_studio.gui.entries_tab",
    "cache_studio.gui.cache_header",
    "cache_studio.gui.cache_page",
    "cache_studio.gui.cache_rows",
    "cache_studio.gui.cache_commands",
    "cache_studio.gui.dock.value_panel",
    "cache_studio.gui.dock.detail_dock",
)
"""What pages, the dock and the actions consist of, in parts that take about as long to load."""
SIZE = QSize(1440, 900)
NARROW = 1180
"""Under this width the dock and the facets fold."""
LOOK_AFTER_MS = 800
"""Caches are looked for when the window has been drawn."""
CLOSE_MS = 5_000


class MainWindow(PromptWindow):
    """One window on any number of caches.

    Signals:
        closed(): the window is closed and all threads have ended (or five seconds have passed).
        page_shown(CachePage): the page of a cache was brought to the front.
    """

    closed = Signal()
    page_shown = Signal(object)

    def __init__(self, demo: Callable[[], Sequence[str]] | None = None) -> None:
        super().__init__()
        self.setWindowTitle(tr("Cache Studio"))
        self.setAcceptDrops(True)
        self.controller = Controller(self)
        self.places = KnownPlaces(self.controller, self)
        self.attach_commands = AttachCommands(self, self, demo)
        self.window_commands = WindowCommands(self, self)
        self.charts = ChartLoading(self.controller.is_reading, self)
        self.refusals = Refusals(self, self.controller, self.attach_commands.attach_dialog)
        self.panel = CachesPanel(self.controller, self.places)
        self.start = StartPage(self.places, has_demo=demo is not None)
        self.status = StatusLine(self.controller)
        self.dock = EntryDock(self.controller, self)
        self._pages: dict[Attachment, CachePage] = {}
        self._stack = QStackedWidget()
        self.trash = TrashPlace(self.controller, self._stack, self)
        self._splitter = QSplitter(Qt.Orientation.Horizontal)
        self._memory = WindowMemory()
        self._panel_wanted = True
        self._narrow = self._folded = False
        self._waiting: list[str] = []
        self._left: dict[str, tuple[int, str]] = {}
        self.action_set = ActionSet(self, self._handler)
        self._lay_out()
        self._connect()
        shown = self._memory.bring_back(self, self._splitter)
        self._panel_wanted, self.dock.wanted = shown.panel, shown.entry
        self.show_start()

    @cached_property
    def commands(self) -> CacheCommands:
        """What the actions do to the cache that is shown; made when the first of them is wanted."""
        from cache_studio.gui.cache_commands import CacheCommands

        commands = CacheCommands(self.controller, self, self.current_page)
        commands.changed.connect(self._on_changed)
        return commands

    def _handler(self, name: str) -> Callable[[], None]:
        """What does an action: the method of its name."""
        owner = next((one for one in (self.attach_commands, self.window_commands, self) if hasattr(one, name)), None)
        if owner is None:
            return lambda: getattr(self.commands, name)()
        handler: Callable[[], None] = getattr(owner, name)
        return handler

    def _lay_out(self) -> None:
        toolbar = QToolBar(tr("Actions"))
        toolbar.setObjectName("actions")
        toolbar.setMovable(False)
        toolbar.setIconSize(QSize(16 + ICON_GAP, 16))
        self.action_set.fill_toolbar(toolbar)
        self.addToolBar(toolbar)
        self._stack.addWidget(self.start)
        self._splitter.setHandleWidth(1)
        self._splitter.addWidget(self.panel)
        self._splitter.addWidget(self._stack)
        self._splitter.setStretchFactor(1, 1)
        self._splitter.setCollapsible(1, False)
        self._splitter.setSizes([WIDTH, SIZE.width() - WIDTH])
        self.setCentralWidget(self._splitter)
        self.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, self.dock)
        self.setStatusBar(self.status)
        self.resize(SIZE)

    def _connect(self) -> None:
        controller, own = self.controller, self.attach_commands
        controller.ready.connect(self._on_ready)
        controller.attached.connect(self._on_attached)
        controller.detached.connect(self._on_detached)
        controller.news.connect(self._on_news)
        controller.refused.connect(self.refusals.refused)
        controller.closed.connect(self.closed)
        self.panel.chosen.connect(self.show_cache)
        self.panel.target_chosen.connect(controller.attach)
        self.panel.attach_requested.connect(own.attach)
        self.start.file_requested.connect(own.open_file)
        self.start.folder_requested.connect(own.open_folder)
        self.start.redis_requested.connect(own.connect_redis)
        self.start.demo_requested.connect(own.demo)
        self.start.targets_chosen.connect(self.attach_all)
        self.trash.changed.connect(self._on_changed)
        self.trash.counted.connect(self.status.read_trash)
        self.trash.settings_requested.connect(self.window_commands.settings)
        self.trash.left.connect(self._show_last)
        self.dock.message.connect(lambda text: self.statusBar().showMessage(text, 5_000))
        self.dock.visibilityChanged.connect(lambda _visible: self.update_actions())

    def begin(self, targets: Sequence[str]) -> None:
        """After the first paint: make the studio, attach `targets`, look for caches."""
        self._waiting = list(targets)
        self.controller.open(_load_services, PAGES)

    def attach_all(self, targets: Sequence[str]) -> None:
        """Attach some targets."""
        self.controller.attach_all(targets)

    def current_page(self) -> CachePage | None:
        """The page that is shown; None on the start page."""
        shown = self._stack.currentWidget()
        return next((page for page in self._pages.values() if page is shown), None)

    def show_cache(self, attachment: Attachment) -> None:
        """Bring the page of a cache to the front."""
        page = self._pages[attachment]
        self._stack.setCurrentWidget(page)
        self.panel.setVisible(self._panel_wanted)
        self.panel.select(attachment)
        self.setWindowTitle(f"{page.attachment.place.name} – {tr('Cache Studio')}")
        self.dock.show_for(page if page.tab == ENTRIES else None)
        self._show_status(page)
        self.page_shown.emit(page)

    def show_start(self) -> None:
        """Bring the start page to the front."""
        self._stack.setCurrentWidget(self.start)
        self.panel.hide()
        self._follow_nothing("")

    def show_trash(self) -> None:
        """Bring the trash page to the front."""
        self.trash.show()
        self._follow_nothing(tr("Trash"))
        self.panel.setVisible(self._panel_wanted and bool(self.controller.attachments))

    def _follow_nothing(self, name: str) -> None:
        """What is shown is no page of a cache."""
        self.panel.select(None)
        self.dock.show_for(None)
        self.status.show_totals(name)
        self.status.show_attached(len(self.controller.attachments))
        self.setWindowTitle(f"{name} – {tr('Cache Studio')}" if name else tr("Cache Studio"))
        self.update_actions()

    def _show_last(self) -> None:
        if self.controller.attachments:
            self.show_cache(self.controller.attachments[-1])
        else:
            self.show_start()

    def want_panel(self, wanted: bool) -> None:
        """Whether the caches panel is shown beside pages."""
        self._panel_wanted = wanted
        self.panel.setVisible(wanted and self._stack.currentWidget() is not self.start)
        self.update_actions()

    def update_actions(self) -> None:
        """Enable what makes sense now."""
        page = self.current_page()
        actions = self.action_set
        actions.update(Situation() if page is None else _situation(page))
        actions["toggle_caches"].setChecked(self._panel_wanted)
        actions["toggle_entry"].setChecked(self.dock.wanted)
        actions["toggle_facets"].setChecked(page is None or page.entries.facets.isVisibleTo(page.entries))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """A narrow window folds the dock and the facets; a wide one has them again."""
        super().resizeEvent(event)
        narrow = self.width() < NARROW
        if narrow == self._narrow:
            return
        self._narrow = narrow
        if narrow and self.dock.wanted:
            self._folded = True
            self.dock.set_wanted(False)
        elif not narrow and self._folded:
            self._folded = False
            self.dock.set_wanted(True)
        for page in self._pages.values():
            page.entries.facets.setVisible(not narrow)
        self.update_actions()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Files, folders and URLs may be dropped anywhere."""
        if targets_of(event.mimeData()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Attach what was dropped."""
        event.acceptProposedAction()
        self.attach_all(targets_of(event.mimeData()))

    def closeEvent(self, event: QCloseEvent) -> None:
        """Go from the screen at once; the threads end behind it."""
        self._remember()
        event.accept()
        self.dock.show_for(None)
        for page in self._pages.values():
            page.close_page()
        QTimer.singleShot(CLOSE_MS, self, self.closed.emit)
        self.controller.close()

    def _remember(self) -> None:
        self._memory.keep(self, self._splitter, Shown(self._panel_wanted, self.dock.wanted or self._folded))
        for page in self._pages.values():
            page.entries.save_layout(self._memory.settings)
        self._memory.settings.sync()

    def _show_status(self, page: CachePage) -> None:
        if page is self.current_page():
            self.status.show_totals(page.entries.status())
            self.update_actions()

    def _on_ready(self) -> None:
        for notice in self.controller.studio.notices:
            show_notice(self, notice)
        self.attach_all(self._waiting)
        self.dock.prepare()
        self.places.read_recent()
        self.trash.count()
        QTimer.singleShot(LOOK_AFTER_MS, self.places, self.places.look)
        self.charts.start()

    def _on_attached(self, attachment: Attachment, in_front: bool) -> None:
        page = self._pages.get(attachment)
        if page is None:
            from cache_studio.gui.cache_page import CachePage  # loaded with the studio

            page = self._pages[attachment] = CachePage(self.controller, attachment, self._stack)
            page.entries.restore_layout(self._memory.settings)
            page.status_changed.connect(lambda: self._show_status(page))
            page.tab_changed.connect(lambda _tab: self._on_tab(page))
            page.undo_requested.connect(lambda action: self.commands.undo_action(page, action))
            page.trash_requested.connect(self.show_trash)
            page.entries.undo_requested.connect(lambda: self.commands.undo())
            page.entries.entry_chosen.connect(lambda _entry: self.dock.show_entry(page))
            page.entries.entry_chosen.connect(lambda _entry: self._show_status(page))
            page.entries.invalidate_requested.connect(self.action_set["invalidate"].trigger)
            page.entries.details_requested.connect(lambda: self.dock.set_wanted(True))
            self._stack.addWidget(page)
            page.entries.facets.setVisible(not self._narrow)
            self._take_up(page)
        self.panel.show_caches()
        self.status.show_attached(len(self.controller.attachments))
        self.places.changed.emit()
        self.in_next_turn(lambda: self._show_attached(attachment, in_front))  # making a page took its time

    def _show_attached(self, attachment: Attachment, in_front: bool) -> None:
        if attachment in self._pages and (in_front or self._stack.currentWidget() is self.start):
            self.paint_later()
            self.show_cache(attachment)

    def _take_up(self, page: CachePage) -> None:
        """A cache that was attached before in this session looks as it was left."""
        tab, expression = self._left.pop(str(page.attachment.place.target), (ENTRIES, ""))
        if expression:
            page.entries.set_expression(expression)
        page.show_tab(tab)

    def _on_detached(self, attachment: Attachment) -> None:
        page = self._pages.pop(attachment)
        page.entries.save_layout(self._memory.settings)
        self._left[str(attachment.place.target)] = (page.tab, page.entries.expression)
        page.close_page()
        was_shown = page is self._stack.currentWidget()
        self._stack.removeWidget(page)
        page.deleteLater()
        forget_texts()
        if was_shown:
            self._show_last()
        self.panel.show_caches()
        self.status.show_attached(len(self.controller.attachments))
        self.places.changed.emit()

    def _on_news(self, attachment: Attachment, news: News) -> None:
        from cache_studio.services.standing import News, Phase  # loaded with the studio

        page = self._pages.get(attachment)
        if page is None:
            return
        page.hear(news)
        self.panel.note_change()
        if news is News.PHASE:
            self.panel.show_caches()
            if attachment.standing.phase is Phase.UNREACHABLE:
                self.refusals.unreachable(attachment)

    def _on_tab(self, page: CachePage) -> None:
        if page is self.current_page():
            self.dock.show_for(page if page.tab == ENTRIES else None)
            self.update_actions()

    def _on_changed(self, attachment: Attachment | None) -> None:
        """Entries went or came back in this cache; None when the trash was emptied."""
        self.trash.tidy()
        for page in self._pages.values():
            if attachment in (None, page.attachment):
                page.refresh_activity()


def _load_services() -> None:
    """What the pages need besides Qt, numpy and all, once the window is drawn."""
    import cache_studio.decoding.hexes
    import cache_studio.decoding.views.lines
    import cache_studio.insights.policies
    import cache_studio.services.browse
    import cache_studio.services.plans
    import cache_studio.services.whereabouts  # noqa: F401 - loading them here is all that is wanted


def _situation(page: CachePage) -> Situation:
    from cache_studio.services.standing import Phase  # loaded with the studio

    standing, figures = page.attachment.standing, page.entries.figures
    return Situation(
        has_cache=True,
        has_entry=page.entries.current_entry() is not None,
        capabilities=standing.capabilities,
        stale=None if figures is None else figures.whole.stale,
        paused=standing.phase is Phase.PAUSED,
        writable=page.attachment.place.writable,
        listed=standing.view is not None and standing.phase in (Phase.READING, Phase.LIVE, Phase.PAUSED),
    )
