"""The trash page: every removed entry that waits for undo, a search, restore, and emptying with a question."""

from collections.abc import Callable
from threading import Event

from PySide6.QtCore import QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLineEdit, QStackedWidget, QVBoxLayout, QWidget

from cache_studio.gui.controller import Controller
from cache_studio.gui.item_models.rows_model import RowsModel, rows_table
from cache_studio.gui.look import theme
from cache_studio.gui.look.text import plain_label, tr
from cache_studio.gui.trash.empty_dialog import EmptyDialog
from cache_studio.gui.trash.restoring import Restoring, Wanted, wanted_entries
from cache_studio.gui.trash.waiting_rows import Found, columns, look, shown_words, usage_words
from cache_studio.gui.widgets.bars import EmptyState, NoticeBar, UndoBar
from cache_studio.gui.widgets.buttons import IconButton, LinkButton, PrimaryButton, SecondaryButton
from cache_studio.gui.widgets.cells import KeyDelegate
from cache_studio.model.errors import CacheStudioError
from cache_studio.model.units import format_count
from cache_studio.trash.index import WaitingEntry

_TYPING_MS = 150
_TASK = "trash page"


class UsageLine(QWidget):
    """How full the trash is, as a line under its words."""

    def __init__(self) -> None:
        super().__init__()
        self._share = 0.0
        self.setFixedHeight(5)
        self.setAccessibleName(tr("How full the trash is"))
        theme.theme().changed.connect(self.update)

    def set_share(self, share: float) -> None:
        """From 0 to 1."""
        self._share = min(1.0, max(0.0, share))
        self.setAccessibleDescription(f"{round(self._share * 100)} %")
        self.update()

    def sizeHint(self) -> QSize:
        """As wide as the words above it."""
        return QSize(220, 5)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw track and share."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("track"))
        painter.drawRoundedRect(QRectF(self.rect()), 2, 2)
        if self._share > 0:
            painter.setBrush(theme.color("accent"))
            painter.drawRoundedRect(QRectF(0, 0, max(2.0, self.width() * self._share), self.height()), 2, 2)
        painter.end()


class TrashPage(QWidget):
    """The trash of all caches. `refresh` looks again; nothing here blocks.

    Signals:
        left(): back to where one came from.
        settings_requested(): change for how long and how much is kept.
        changed(Attachment or None): entries came back to this cache, or the trash was emptied.
    """

    left = Signal()
    settings_requested = Signal()
    changed = Signal(object)

    def __init__(self, controller: Controller, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._controller = controller
        self.restoring = Restoring(controller, self)
        self.waiting: RowsModel[WaitingEntry] = RowsModel(columns(lambda: controller.studio.settings.trash_days), self)
        self.table = rows_table(tr("Entries in the trash"), self.waiting)
        self.table.setItemDelegateForColumn(0, KeyDelegate(self.table))
        self.search = QLineEdit()
        self.search.setPlaceholderText(tr("Search by key"))
        self.search.setAccessibleName(tr("Search by key"))
        self.search.setClearButtonEnabled(True)
        self.search.setFixedWidth(280)
        self._typing = QTimer(self)
        self._typing.setSingleShot(True)
        self._typing.setInterval(_TYPING_MS)
        self.restore_button = PrimaryButton(tr("Restore"), "undo")
        self.action_button = SecondaryButton(tr("Restore the whole action"))
        self.empty_button = SecondaryButton(tr("Empty the trash…"), "clear")
        self.back_button = IconButton("chevron-left", tr("Back"))
        self.settings_button = LinkButton(tr("Change"))
        self.bar = UndoBar()
        self.problem = NoticeBar()
        self._kept = plain_label("", "note")
        self._usage = plain_label("", "note")
        self._line = UsageLine()
        self._shown = plain_label("", "note")
        self._empty = EmptyState("")
        self._found = Found((), 0, 0)
        self._lay_out()
        self._connect()
        self._update_buttons()

    def refresh(self) -> None:
        """Look into the trash again."""
        if not self._controller.is_ready:
            return
        trash, text = self._controller.studio.trash, self.search.text().strip()

        def work(_stop: Event) -> Found:
            return look(trash, text)

        self._controller.tasks.run(_TASK, work, self._show, self._refuse)

    def usage_text(self) -> str:
        """What the trash holds, as shown."""
        return self._usage.text()

    def chosen(self) -> list[WaitingEntry]:
        """The selected entries."""
        return [self.waiting.rows[index.row()] for index in self.table.selectionModel().selectedRows()]

    def _connect(self) -> None:
        self._typing.timeout.connect(self.refresh)
        self.search.textChanged.connect(lambda _text: self._typing.start())
        self.table.selectionModel().selectionChanged.connect(lambda *_: self._update_buttons())
        self.waiting.modelReset.connect(self._update_buttons)
        self.restore_button.clicked.connect(self._restore_chosen)
        self.action_button.clicked.connect(self._restore_action)
        self.empty_button.clicked.connect(self._ask)
        self.back_button.clicked.connect(self.left)
        self.settings_button.clicked.connect(self.settings_requested)
        self.problem.retry_requested.connect(self.refresh)
        self.restoring.told.connect(self.bar.show_final)
        self.restoring.restored.connect(self.changed)
        self.restoring.ended.connect(self._on_ended)

    def _lay_out(self) -> None:
        frame = QFrame()
        frame.setProperty("ground", "surface")
        inside = QVBoxLayout(frame)
        inside.setContentsMargins(0, 0, 0, 0)
        inside.setSpacing(0)
        inside.addWidget(self._head())
        inside.addWidget(self.problem)
        tools = _row((self.search, self.restore_button, self.action_button), (self._shown, self.empty_button))
        inside.addLayout(tools)
        self._stack = QStackedWidget()
        for page in (self.table, self._empty):
            self._stack.addWidget(page)
        inside.addWidget(self._stack, 1)
        inside.addWidget(self.bar)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(frame)

    def _head(self) -> QFrame:
        head = QFrame()
        head.setProperty("ground", "header")
        words = QVBoxLayout()
        words.setSpacing(2)
        words.addWidget(plain_label(tr("Trash"), "heading"))
        kept = QHBoxLayout()
        kept.setSpacing(8)
        kept.addWidget(self._kept)
        kept.addWidget(self.settings_button)
        kept.addStretch(1)
        words.addLayout(kept)
        usage = QVBoxLayout()
        usage.setSpacing(6)
        usage.addWidget(self._usage, 0, Qt.AlignmentFlag.AlignRight)
        usage.addWidget(self._line)
        row = QHBoxLayout(head)
        row.setContentsMargins(12, 12, 16, 12)
        row.setSpacing(12)
        row.addWidget(self.back_button, 0, Qt.AlignmentFlag.AlignTop)
        row.addLayout(words, 1)
        row.addLayout(usage)
        return head

    def _show(self, found: Found) -> None:
        self.problem.hide()
        self._found = found
        self.waiting.set_rows(found.rows)
        settings, text = self._controller.studio.settings, self.search.text().strip()
        kept = tr("Removed entries wait here for {n} days, the newest action always.")
        self._kept.setText(kept.replace("{n}", format_count(settings.trash_days)))
        self._usage.setText(usage_words(found, settings.trash_bytes))
        self._line.set_share(found.bytes / max(1, settings.trash_bytes))
        self._shown.setText(shown_words(found, text))
        if found.rows:
            self._stack.setCurrentWidget(self.table)
        else:
            none = tr("The trash is empty. What you remove from a cache waits here for undo.")
            self._empty.set_text(tr("No key in the trash holds this text.") if text else none)
            self._stack.setCurrentWidget(self._empty)
        self._update_buttons()

    def _refuse(self, error: CacheStudioError) -> None:
        self.problem.show_problem(error.message, error.hint)

    def _update_buttons(self) -> None:
        chosen = self.table.selectionModel().selectedRows()
        free = not self.restoring.is_busy
        count = len(chosen)
        words = tr("Restore {n} entries").replace("{n}", format_count(count)) if count > 1 else tr("Restore")
        self.restore_button.setText(words)
        self.restore_button.setAccessibleName(words)
        self.restore_button.setEnabled(free and count > 0)
        one = len({self.waiting.rows[index.row()].action_id for index in chosen}) == 1
        self.action_button.setEnabled(free and one)
        self.empty_button.setEnabled(free and self._found.entries > 0)

    def _restore_chosen(self) -> None:
        self._begin(lambda: wanted_entries(self.chosen()))

    def _restore_action(self) -> None:
        def wanted() -> list[Wanted]:
            one = self.chosen()[0]
            count = sum(entry.action_id == one.action_id for entry in self.waiting.rows)
            return [Wanted(one.action_id, one.target, one.cache_name, count, None)]

        self._begin(wanted)

    def _begin(self, wanted: Callable[[], list[Wanted]]) -> None:
        self.restoring.begin(wanted())
        self._update_buttons()

    def _on_ended(self, words: str) -> None:
        self.bar.show_final(words)
        self.refresh()
        self._update_buttons()

    def _ask(self) -> None:
        dialog = EmptyDialog(self.window(), self._found)
        dialog.accepted.connect(self._empty_all)
        dialog.open()

    def _empty_all(self) -> None:
        trash = self._controller.studio.trash

        def work(_stop: Event) -> int:
            return trash.empty()[0]

        self._controller.tasks.run("empty the trash", work, self._on_emptied, self._refuse)

    def _on_emptied(self, entries: int) -> None:
        words = tr("Deleted {n} entries for good.").replace("{n}", format_count(entries))
        self.bar.show_final(tr("Deleted 1 entry for good.") if entries == 1 else words)
        self.refresh()
        self.changed.emit(None)


def _row(left: tuple[QWidget, ...], right: tuple[QWidget, ...]) -> QHBoxLayout:
    row = QHBoxLayout()
    row.setContentsMargins(16, 12, 16, 12)
    row.setSpacing(12)
    for widget in left:
        row.addWidget(widget)
    row.addStretch(1)
    for widget in right:
        row.addWidget(widget)
    return row
