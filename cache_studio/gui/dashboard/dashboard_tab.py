"""The Dashboard of one cache: ranges, cards, charts. Everything is worked out off the window's thread."""

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from cache_studio.gui.dashboard.board import RANGES, Board, board_of, clock
from cache_studio.gui.dashboard.words import cards, interval_words, warning
from cache_studio.gui.look.text import plain_label, tr
from cache_studio.gui.tasks import Tasks
from cache_studio.gui.widgets.bars import NoticeBar
from cache_studio.gui.widgets.cards import FigureCard
from cache_studio.gui.widgets.icon_note import IconNote
from cache_studio.gui.widgets.segmented import SegmentedButtons
from cache_studio.model.errors import CacheStudioError
from cache_studio.services.attachment import Attachment
from cache_studio.services.studio import Studio

if TYPE_CHECKING:
    from cache_studio.gui.dashboard.charts import Charts
    from cache_studio.gui.dialogs.announce_dialog import AnnounceDialog

FIRST_RANGE = "15 min"
NEWS_MS = 500
"""Before a drawing that only news of the cache ask for: one after the other they leave no turn to anything else."""
_CARDS = 5
_WIDE = 980


class DashboardTab(QWidget):
    """Figures and charts. Nothing is read or drawn while it is not active; the charts are made when it first is."""

    def __init__(self, tasks: Tasks, studio: Studio, attachment: Attachment) -> None:
        super().__init__()
        self._tasks, self._studio, self._attachment = tasks, studio, attachment
        self._task = f"dashboard {id(self)}"
        self._columns = 0
        self._active = self._running = self._again = False
        self._news = QTimer(self)
        self._news.setSingleShot(True)
        self._news.setInterval(NEWS_MS)
        self._news.timeout.connect(self.refresh)
        self.charts: Charts | None = None
        self.board: Board | None = None
        self.asking: AnnounceDialog | None = None
        """The question that is open, or was."""
        self.ranges = SegmentedButtons(tr("Range"), list(RANGES))
        self.ranges.choose(FIRST_RANGE)
        self.ranges.chosen.connect(self._on_range)
        self._interval = plain_label("", "note")
        self.cards = [FigureCard("") for _ in range(_CARDS)]
        self._warning = IconNote("warning", "", "soon", "small")
        self._warning.label.setProperty("tone", "warn")
        # A label that wraps makes the scroll area ask for the wished height of the charts, not for their least one.
        self._warning.label.setWordWrap(False)
        self._warning.hide()
        self._problem = NoticeBar()
        self._problem.retry_requested.connect(self.refresh)
        self._lay_out()
        self.destroyed.connect(lambda *_, drop=tasks.drop, task=self._task: drop(task))

    def set_active(self, active: bool) -> None:
        """Whether the tab is on screen."""
        self._active = active
        if active:
            self._make_charts()
            self.refresh()
        else:
            self._news.stop()

    def note_change(self) -> None:
        """There is news of the cache: draw it, but at most twice a second."""
        if self._active and not self._news.isActive():
            self._news.start()

    def refresh(self) -> None:
        """Read and draw anew; while that is under way, once more afterwards. Does nothing off screen."""
        if not self._active:
            return
        if self._running:
            self._again = True
            return
        self._running, self._again = True, False
        attachment, monitor, seconds = self._attachment, self._studio.monitor, RANGES[self.ranges.current()]
        self._tasks.run(
            self._task, lambda stop: board_of(attachment, monitor, seconds, clock()), self._show, self._refuse
        )

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Five cards beside each other, or three where there is less room."""
        super().resizeEvent(event)
        self._arrange(_CARDS if self.width() >= _WIDE else 3)

    def interval_text(self) -> str:
        """How far apart the points are, as shown."""
        return self._interval.text()

    def warning_text(self) -> str:
        """The warning as shown, "" without one."""
        return "" if self._warning.isHidden() else self._warning.label.text()

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        top.setSpacing(16)
        top.addWidget(self.ranges)
        top.addWidget(self._interval)
        top.addStretch(1)
        self._figures = QGridLayout()
        self._figures.setSpacing(16)
        self._arrange(_CARDS)
        page = QFrame()
        self._page = QVBoxLayout(page)
        self._page.setContentsMargins(16, 16, 16, 16)
        self._page.setSpacing(16)
        self._page.addLayout(top)
        self._page.addLayout(self._figures)
        self._page.addWidget(self._warning)
        area = QScrollArea()
        area.setWidget(page)
        area.setWidgetResizable(True)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self._problem)
        layout.addWidget(area, 1)

    def _arrange(self, columns: int) -> None:
        """Put the cards into so many columns."""
        if columns == self._columns:
            return
        self._columns = columns
        for at, card in enumerate(self.cards):
            self._figures.removeWidget(card)
            self._figures.addWidget(card, at // columns, at % columns)
        for column in range(_CARDS):
            self._figures.setColumnStretch(column, 1 if column < columns else 0)

    def _make_charts(self) -> None:
        if self.charts is None:
            # Imported here: pyqtgraph takes 0.2 s where it was not loaded while nothing was read (gui/loading.py).
            from cache_studio.gui.dashboard.charts import Charts

            self.charts = Charts(self._attachment.place.target_hit_rate)
            self.charts.announce_requested.connect(self._ask_to_announce)
            self._page.addWidget(self.charts, 1)

    def _ask_to_announce(self) -> None:
        from cache_studio.gui.dialogs.announce_dialog import AnnounceDialog  # rarely needed

        self.asking = AnnounceDialog(self, self._attachment)
        self.asking.accepted.connect(self._announce)
        self.asking.open()

    def _announce(self) -> None:
        told = self._studio.announcing.begin(self._attachment)
        self._tasks.follow(f"announce {id(self)}", told, lambda _changed: self._attachment.refresh(), self._refuse)

    def _on_range(self, _name: str) -> None:
        self._running = False  # the answer for the old range is not wanted; the new request drops it
        self.refresh()

    def _show(self, board: Board) -> None:
        self._running = False
        self.board = board
        self._problem.hide()
        for card, words in zip(self.cards, cards(board), strict=True):
            card.set_title(words.title)
            card.set_figure(words.figure, words.unit, words.source)
            card.set_note(words.note, words.tone)
        self._interval.setText(interval_words(board.interval))
        self._warning.set_text(warning(board))
        self._warning.setVisible(bool(warning(board)))
        if self.charts is not None:
            self.charts.show_board(board)
        if self._again:
            self._again = False
            self.note_change()

    def _refuse(self, error: CacheStudioError) -> None:
        self._running = False
        self._problem.show_problem(error.message, error.hint)
