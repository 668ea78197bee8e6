"""The Activity tab: actions with Undo, what waits in the trash, and a search in it."""

from dataclasses import dataclass
from threading import Event

from PySide6.QtCore import QModelIndex, QRectF, QTimer, Signal
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QHBoxLayout,
    QLineEdit,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from cache_studio.gui.activity.actions_model import ACTIONS, UNDO, WAITING
from cache_studio.gui.item_models.rows_model import Index, RowsModel, rows_table
from cache_studio.gui.look import fonts, theme
from cache_studio.gui.look.text import plain_label, tr
from cache_studio.gui.tasks import Tasks
from cache_studio.gui.widgets.bars import EmptyState, NoticeBar
from cache_studio.gui.widgets.buttons import LinkButton, SecondaryButton
from cache_studio.gui.widgets.cells import KeyDelegate, RowDelegate, RowState
from cache_studio.gui.widgets.painting import LEFT, draw_text
from cache_studio.gui.widgets.segmented import SegmentedButtons
from cache_studio.model.errors import CacheStudioError
from cache_studio.model.units import format_size
from cache_studio.services.attachment import Attachment
from cache_studio.services.studio import Studio
from cache_studio.trash.index import Action, WaitingEntry
from cache_studio.trash.trash import Trash

THIS, ALL = "This cache", "All caches"
_MOST = 500
_TYPING_MS = 150


@dataclass(frozen=True)
class _Answer:
    """What one look into the trash found."""

    actions: tuple[Action, ...]
    waiting: tuple[WaitingEntry, ...]
    entries: int
    bytes: int


class _LinkDelegate(RowDelegate):
    def draw_cell(self, painter: QPainter, rect: QRectF, index: Index, look: object, state: RowState) -> None:
        """Words in the accent."""
        draw_text(painter, rect, str(look), fonts.text_font(12, fonts.SEMIBOLD), theme.color("accent"), LEFT)


class ActivityTab(QWidget):
    """What was done, newest first. `refresh` looks again.

    Signals:
        undo_requested(str): the id of the action to undo.
        trash_requested(): show everything that waits, where single entries can be restored.
    """

    undo_requested = Signal(str)
    trash_requested = Signal()

    def __init__(self, tasks: Tasks, studio: Studio, attachment: Attachment) -> None:
        super().__init__()
        self._tasks, self._studio, self._attachment = tasks, studio, attachment
        self._task = f"activity {id(self)}"
        self.listed = RowsModel(ACTIONS, self)
        self.waiting = RowsModel(WAITING, self)
        self.scope = SegmentedButtons(tr("Whose actions"), (tr(THIS), tr(ALL)))
        self.scope.chosen.connect(lambda _name: self.refresh())
        self.search = QLineEdit()
        self.search.setPlaceholderText(tr("Search the trash by key"))
        self.search.setAccessibleName(tr("Search the trash by key"))
        self.search.setClearButtonEnabled(True)
        self.search.setFixedWidth(240)
        self._typing = QTimer(self)
        self._typing.setSingleShot(True)
        self._typing.setInterval(_TYPING_MS)
        self._typing.timeout.connect(self.refresh)
        self.search.textChanged.connect(lambda _text: self._typing.start())
        self.undo_button = SecondaryButton(tr("Undo"), "undo")
        self.undo_button.clicked.connect(self._undo_selected)
        self.trash_button = LinkButton(tr("Open the trash"))
        self.trash_button.clicked.connect(self.trash_requested)
        self._usage = plain_label("", "note")
        self.table = rows_table(tr("Actions"), self.listed)
        self.found = rows_table(tr("Entries in the trash"), self.waiting)
        for table in (self.table, self.found):
            table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.found.setItemDelegateForColumn(0, KeyDelegate(self.found))
        undo_column = next(at for at, column in enumerate(ACTIONS) if column.name == UNDO)
        self.table.setItemDelegateForColumn(undo_column, _LinkDelegate(self.table))
        self.table.clicked.connect(self._on_clicked)
        self.table.selectionModel().selectionChanged.connect(lambda *_: self._update_button())
        self._empty = EmptyState("")
        self._problem = NoticeBar()
        self._problem.retry_requested.connect(self.refresh)
        self._lay_out()
        self._update_button()
        self.destroyed.connect(lambda *_, drop=tasks.drop, task=self._task: drop(task))

    def refresh(self) -> None:
        """Look into the trash again."""
        trash, text = self._studio.trash, self.search.text().strip()
        target = str(self._attachment.place.target) if self.scope.current() == tr(THIS) else ""

        def look(stop: Event) -> _Answer:
            return _look(trash, target, text)

        self._tasks.run(self._task, look, self._show, self._refuse)

    def usage_text(self) -> str:
        """What the trash holds, as shown."""
        return self._usage.text()

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        top.setContentsMargins(16, 12, 16, 12)
        top.setSpacing(12)
        for widget in (self.scope, self.search, self.undo_button):
            top.addWidget(widget)
        top.addStretch(1)
        top.addWidget(self._usage)
        top.addWidget(self.trash_button)
        self._stack = QStackedWidget()
        for page in (self.table, self.found, self._empty):
            self._stack.addWidget(page)
        frame = QFrame()
        frame.setProperty("ground", "surface")
        inside = QVBoxLayout(frame)
        inside.setContentsMargins(0, 0, 0, 0)
        inside.setSpacing(0)
        inside.addWidget(self._problem)
        inside.addLayout(top)
        inside.addWidget(self._stack, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(frame)

    def _show(self, answer: _Answer) -> None:
        self._problem.hide()
        chosen = self._selected()
        self.listed.set_rows(answer.actions)
        self.waiting.set_rows(answer.waiting)
        if chosen is not None:
            self._select(chosen.id)
        days = self._studio.settings.trash_days
        words = tr("{entries} entries wait in the trash, {size}; kept for {days} days")
        self._usage.setText(words.format(entries=f"{answer.entries:,}", size=format_size(answer.bytes), days=days))
        searching = bool(self.search.text().strip())
        rows = len(answer.waiting) if searching else len(answer.actions)
        if rows:
            self._stack.setCurrentWidget(self.found if searching else self.table)
        else:
            none = tr("No key in the trash holds this text.") if searching else tr("Nothing was done here yet.")
            self._empty.set_text(none)
            self._stack.setCurrentWidget(self._empty)
        self._update_button()

    def _refuse(self, error: CacheStudioError) -> None:
        self._problem.show_problem(error.message, error.hint)

    def _selected(self) -> Action | None:
        rows = self.table.selectionModel().selectedRows()
        return self.listed.rows[rows[0].row()] if rows else None

    def _select(self, action_id: str) -> None:
        row = next((at for at, action in enumerate(self.listed.rows) if action.id == action_id), None)
        if row is not None:
            self.table.selectRow(row)

    def _update_button(self) -> None:
        action = self._selected()
        searching = bool(self.search.text().strip())
        self.undo_button.setEnabled(action is not None and action.waiting > 0 and not searching)

    def _on_clicked(self, index: QModelIndex) -> None:
        action = self.listed.rows[index.row()]
        if ACTIONS[index.column()].name == UNDO and action.waiting:
            self.undo_requested.emit(action.id)

    def _undo_selected(self) -> None:
        action = self._selected()
        if action is not None and action.waiting:
            self.undo_requested.emit(action.id)


def _look(trash: Trash, target: str, text: str) -> _Answer:
    """Blocks on the index of the trash. `target` "" is every cache."""
    actions = tuple(action for action in trash.actions(_MOST) if not target or action.target == target)
    waiting = tuple(entry for entry in trash.search(text, limit=_MOST) if not target or entry.target == target)
    return _Answer(actions, waiting if text else (), *trash.usage())
