"""A value as a table: the first rows and columns of a frame or an array."""

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt
from PySide6.QtWidgets import QAbstractItemView, QTableView, QVBoxLayout, QWidget

from cache_studio.decoding.views.lines import table_words
from cache_studio.decoding.views.shapes import TableView
from cache_studio.gui.look.text import display_text, plain_label, tooltip_text, tr
from cache_studio.gui.widgets.cells import RowDelegate
from cache_studio.gui.widgets.painting import LEFT, RIGHT

_ROW = 24
_CELL_SHOWN = 200
_MOST_WIDTH = 220
_RIGHT = ("int", "uint", "float", "Int", "Uint", "Float", "timedelta")
"""Starts of the kinds whose cells stand at the right."""
Index = QModelIndex | QPersistentModelIndex
_NO_PARENT = QModelIndex()


class CellModel(QAbstractTableModel):
    """The cells that were read, as safe text."""

    def __init__(self, view: TableView, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.view = view

    def rowCount(self, parent: Index = _NO_PARENT) -> int:
        """Rows that are shown."""
        return 0 if parent.isValid() else len(self.view.cells)

    def columnCount(self, parent: Index = _NO_PARENT) -> int:
        """The labels of the rows, and the columns that are shown."""
        return 0 if parent.isValid() else 1 + len(self.view.names)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """A cell made safe; numbers at the right."""
        if not index.isValid():
            return None
        row, column = index.row(), index.column()
        text = self.view.cells[row][column - 1] if column else self.view.index[row]
        if role == Qt.ItemDataRole.DisplayRole:
            return display_text(text, _CELL_SHOWN)
        if role == Qt.ItemDataRole.ToolTipRole and len(text) > 20:
            return tooltip_text(text)
        return self._side(column) if role == Qt.ItemDataRole.TextAlignmentRole else None

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """Names of columns; the tooltip says of which kind they are."""
        if orientation is Qt.Orientation.Vertical:
            return None
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return self._side(section)
        if section == 0:
            return "" if role == Qt.ItemDataRole.DisplayRole else None
        name, kind = self.view.names[section - 1], self.view.kinds[section - 1]
        if role == Qt.ItemDataRole.DisplayRole:
            return display_text(name, 80)
        return tooltip_text(f"{name}, {kind}") if role == Qt.ItemDataRole.ToolTipRole else None

    def _side(self, column: int) -> int:
        right = column > 0 and self.view.kinds[column - 1].startswith(_RIGHT)
        side = Qt.AlignmentFlag.AlignRight if right else Qt.AlignmentFlag.AlignLeft
        return int(side | Qt.AlignmentFlag.AlignVCenter)


class CellDelegate(RowDelegate):
    """A cell at the side that the model says; the labels of the rows in the second rank."""

    def alignment(self, index: Index) -> Qt.AlignmentFlag:
        """As the model says."""
        side = index.data(Qt.ItemDataRole.TextAlignmentRole)
        return RIGHT if isinstance(side, int) and side & int(Qt.AlignmentFlag.AlignRight) else LEFT

    def color_role(self, index: Index) -> str:
        """Labels stand back."""
        return "text" if index.column() else "text2"


class TablePanel(QWidget):
    """A line of facts over the cells."""

    def __init__(self) -> None:
        super().__init__()
        self._words, self._notes = plain_label("", "note"), plain_label("", "small")
        self._notes.setProperty("tone", "warn")
        for label in (self._words, self._notes):
            label.setWordWrap(True)
            label.setContentsMargins(16, 0, 12, 0)
        self.cells = QTableView()
        self.cells.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.cells.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.cells.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.cells.setShowGrid(False)
        self.cells.setWordWrap(False)
        self.cells.verticalHeader().setDefaultSectionSize(_ROW)
        self.cells.verticalHeader().hide()
        self.cells.setItemDelegate(CellDelegate(self.cells))
        self.cells.setAccessibleName(tr("Value as a table"))
        self._model: CellModel | None = None
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 4, 0, 0)
        layout.setSpacing(8)
        layout.addWidget(self._words)
        layout.addWidget(self._notes)
        layout.addWidget(self.cells, 1)

    def show_table(self, view: TableView) -> None:
        """Show another table."""
        old, self._model = self._model, CellModel(view, self)
        self.cells.setModel(self._model)
        if old is not None:
            old.deleteLater()
        self._words.setText(display_text(table_words(view), 200))
        self._notes.setText("\n".join(display_text(note, 300) for note in view.notes))
        self._notes.setVisible(bool(view.notes))
        self.cells.setVisible(bool(view.cells))
        self.cells.resizeColumnsToContents()
        header = self.cells.horizontalHeader()
        for column in range(header.count()):
            header.resizeSection(column, min(_MOST_WIDTH, header.sectionSize(column) + 12))

    def text(self) -> str:
        """The cells with names and labels, separated by tabs."""
        if self._model is None:
            return ""
        view = self._model.view
        rows = [["", *view.names], *([label, *row] for label, row in zip(view.index, view.cells, strict=True))]
        return "\n".join("\t".join(display_text(cell) for cell in row) for row in rows)

    def find_text(self, text: str, step: int) -> tuple[int, int]:
        """Go to the next (1), previous (-1) or nearest (0) cell with `text`; (its number, how many there are)."""
        if self._model is None or not text:
            return 0, 0
        wanted, rows = text.casefold(), self._model.view.cells
        hits = [(r, c) for r, row in enumerate(rows) for c, cell in enumerate(row) if wanted in cell.casefold()]
        if not hits:
            return 0, 0
        current = self.cells.currentIndex()
        place = (current.row(), current.column() - 1)
        if step < 0:
            chosen = max((at for at, hit in enumerate(hits) if hit < place), default=len(hits) - 1)
        else:
            chosen = next((at for at, hit in enumerate(hits) if (hit > place if step else hit >= place)), 0)
        row, column = hits[chosen]
        index = self._model.index(row, column + 1)
        self.cells.setCurrentIndex(index)
        self.cells.scrollTo(index)
        return chosen + 1, len(hits)
