"""A table of frozen rows, declared by its columns, and the view that shows it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from cache_studio.gui.look.text import display_text, tooltip_text, tr
from cache_studio.gui.widgets.cells import FigureDelegate
from cache_studio.gui.widgets.entry_table import EntryTableView

Row = TypeVar("Row")
Index = QModelIndex | QPersistentModelIndex
_NO_PARENT = QModelIndex()
_RIGHT = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)


@dataclass(frozen=True)
class Column(Generic[Row]):
    """One column: its name, the words of a cell (made safe by the model), its width in pixels."""

    name: str
    words: Callable[[Row], str]
    width: int
    right: bool = False
    has_heading: bool = True


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
            return tr(column.name) if column.has_heading else ""
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


def rows_table(name: str, model: RowsModel[Any]) -> EntryTableView:
    """A table on such a model that is not sorted by its header, named for screen readers."""
    view = EntryTableView()
    view.setModel(model)
    view.setAccessibleName(name)
    header = view.horizontalHeader()
    header.setSectionsClickable(False)
    header.setSortIndicatorShown(False)
    for at, column in enumerate(model.columns):
        view.setColumnWidth(at, column.width)
        if column.right:
            view.setItemDelegateForColumn(at, FigureDelegate(view))
    view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAsNeeded)
    return view
