"""The entries of a plan as a table: the largest first, read from the columns of its view, no object a row."""

import math

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QWidget

from cache_studio.gui.dialogs.plan_words import PlanFigures
from cache_studio.gui.look.text import display_text, tooltip_text, tr
from cache_studio.gui.widgets.cells import FigureDelegate, KeyDelegate, RowDelegate
from cache_studio.gui.widgets.entry_table import EntryTableView
from cache_studio.model.units import NOT_RECORDED, format_size

COLUMNS = ("key", "namespace", "size", "reason")
KEY, NAMESPACE, SIZE, REASON = range(4)
FIRST = 8
"""Lines that a plan shows before "Show all"."""
_RIGHT = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
_NO_PARENT = QModelIndex()
Index = QModelIndex | QPersistentModelIndex


class PlanLinesModel(QAbstractTableModel):
    """The first entries of a plan, or (`show_all`) every one."""

    def __init__(self, figures: PlanFigures, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._plan, self._rows = figures.plan, figures.largest
        self._shown = min(FIRST, len(self._rows))

    def show_all(self) -> None:
        """Give every entry."""
        if self._shown < len(self._rows):
            self.beginInsertRows(QModelIndex(), self._shown, len(self._rows) - 1)
            self._shown = len(self._rows)
            self.endInsertRows()

    def rowCount(self, parent: Index = _NO_PARENT) -> int:
        """How many are shown."""
        return 0 if parent.isValid() else self._shown

    def columnCount(self, parent: Index = _NO_PARENT) -> int:
        """Key, namespace, size, reason."""
        return 0 if parent.isValid() else len(COLUMNS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """Column names; the size stands at the right."""
        if orientation is not Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.TextAlignmentRole and section == SIZE:
            return _RIGHT
        return tr(COLUMNS[section]) if role == Qt.ItemDataRole.DisplayRole else None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """Texts made safe; a key's tooltip is the whole key."""
        if not index.isValid():
            return None
        row = int(self._rows[index.row()])
        if role == Qt.ItemDataRole.DisplayRole:
            return self._text(row, index.column())
        if role == Qt.ItemDataRole.ToolTipRole and index.column() in (KEY, REASON):
            return tooltip_text(self._text(row, index.column()))
        if role == Qt.ItemDataRole.TextAlignmentRole and index.column() == SIZE:
            return _RIGHT
        return None

    def _text(self, row: int, column: int) -> str:
        view = self._plan.view
        match column:
            case 0:
                return display_text(view.keys[row], 400)
            case 1:
                return display_text(view.namespace_names[int(view.namespace_codes[row])], 200)
            case 2:
                size = float(view.numbers["size"][row])
                return tr(NOT_RECORDED) if math.isnan(size) else format_size(size)
        return display_text(self._plan.reasons.of(view, row, self._plan.now), 200)


def plan_table(model: PlanLinesModel, parent: QWidget | None = None) -> EntryTableView:
    """A table for the model; nothing in it can be chosen."""
    view = EntryTableView(parent)
    model.setParent(view)
    view.setModel(model)
    view.setAccessibleName(tr("Entries of the plan"))
    view.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
    kinds: tuple[type[RowDelegate], ...] = (KeyDelegate, RowDelegate, FigureDelegate, RowDelegate)
    for column, kind in enumerate(kinds):
        view.setItemDelegateForColumn(column, kind(view))
    header = view.horizontalHeader()
    header.setSectionsMovable(False)
    header.setSectionsClickable(False)
    header.setSortIndicatorShown(False)
    header.setStretchLastSection(False)
    for column, width in ((NAMESPACE, 96), (SIZE, 76), (REASON, 134)):
        view.setColumnWidth(column, width)
    header.setSectionResizeMode(KEY, QHeaderView.ResizeMode.Stretch)
    return view
