"""Actions and waiting entries as tables: two models, each declared by its columns."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from cache_studio.gui.look.text import display_text, tooltip_text, tr
from cache_studio.model.units import format_count, format_size
from cache_studio.trash.index import Action, State, WaitingEntry

Row = TypeVar("Row")
Index = QModelIndex | QPersistentModelIndex
_NO_PARENT = QModelIndex()
_RIGHT = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
UNDO = "undo"
"""The name of the column that offers Undo."""


@dataclass(frozen=True)
class Column(Generic[Row]):
    """One column: its name, the words of a cell (made safe by the model), its width in pixels."""

    name: str
    words: Callable[[Row], str]
    width: int
    right: bool = False


class RowsModel(QAbstractTableModel, Generic[Row]):
    """Frozen rows under declared columns; `set_rows` replaces them all."""

    def __init__(self, columns: Sequence[Column[Row]], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.columns = tuple(columns)
        self.rows: tuple[Row, ...] = ()

    def set_rows(self, rows: Sequence[Row]) -> None:
        """Show these; the same rows again change nothing."""
        if tuple(rows) != self.rows:
            self.beginResetModel()
            self.rows = tuple(rows)
            self.endResetModel()

    def rowCount(self, parent: Index = _NO_PARENT) -> int:
        """How many rows."""
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: Index = _NO_PARENT) -> int:
        """How many columns."""
        return 0 if parent.isValid() else len(self.columns)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """Names and sides of the columns."""
        if orientation is not Qt.Orientation.Horizontal or not 0 <= section < len(self.columns):
            return None
        column = self.columns[section]
        if role == Qt.ItemDataRole.DisplayRole:
            return "" if column.name == UNDO else tr(column.name)
        return _RIGHT if role == Qt.ItemDataRole.TextAlignmentRole and column.right else None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """Words, whole in the tooltip."""
        if not index.isValid():
            return None
        column = self.columns[index.column()]
        if role == Qt.ItemDataRole.DisplayRole:
            return display_text(column.words(self.rows[index.row()]), 400)
        if role == Qt.ItemDataRole.ToolTipRole:
            return tooltip_text(column.words(self.rows[index.row()]))
        return _RIGHT if role == Qt.ItemDataRole.TextAlignmentRole and column.right else None


ACTIONS: tuple[Column[Action], ...] = (
    Column("when", lambda action: moment_words(action.at), 150),
    Column("action", lambda action: tr(action.verb), 90),
    Column("cache", lambda action: action.cache_name, 170),
    Column(
        "entries", lambda action: format_count(action.removed) if action.removed or action.planned else "", 80, True
    ),
    Column("bytes", lambda action: format_size(action.bytes), 90, True),
    Column("by", lambda action: tr(action.by), 90),
    Column("state", lambda action: state_words(action), 260),
    Column(UNDO, lambda action: tr("Undo") if action.waiting else "", 80),
)
"""What was done."""
WAITING: tuple[Column[WaitingEntry], ...] = (
    Column("key", lambda entry: entry.key, 320),
    Column("namespace", lambda entry: entry.namespace, 130),
    Column("size", lambda entry: format_size(entry.size), 90, True),
    Column("removed", lambda entry: moment_words(entry.at), 150),
    Column("cache", lambda entry: entry.cache_name, 170),
)
"""Entries that wait in the trash."""


def moment_words(moment: float) -> str:
    """`"20 Nov 2026, 15:42"`, local time."""
    local = datetime.fromtimestamp(moment)
    return f"{local.day} {local:%b %Y, %H:%M}"


def state_words(action: Action) -> str:
    """How far an action is, and what of it still waits."""
    words = _state(action)
    return f"{words}. {action.note}" if action.note else words


def _state(action: Action) -> str:
    waiting = format_count(action.waiting)
    if action.state is State.OPEN:
        return tr("running, or ended by a crash")
    if action.state is State.UNDONE:
        return tr("undone {when}").format(when=moment_words(action.undone_at)) if action.undone_at else tr("undone")
    if action.state is State.PARTLY:
        return tr("partly undone, {count} still wait").format(count=waiting)
    if action.waiting:
        return tr("done, can be undone")
    return tr("done, no longer in the trash") if action.removed else tr("done")
