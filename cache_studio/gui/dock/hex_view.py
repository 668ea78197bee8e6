"""A value as bytes: a line is made when it is drawn, so millions of bytes cost nothing."""

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, QRectF, QSize, Qt
from PySide6.QtGui import QFontMetrics, QPainter
from PySide6.QtWidgets import QAbstractItemView, QListView, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from cache_studio.decoding.hexes import WIDTH, hex_lines
from cache_studio.gui.look import fonts, theme
from cache_studio.gui.look.text import tr
from cache_studio.gui.widgets.painting import draw_text

ROW = 20
Index = QModelIndex | QPersistentModelIndex
_NO_PARENT = QModelIndex()


class HexModel(QAbstractListModel):
    """Lines of 16 bytes with their offset and letters."""

    def __init__(self, data: bytes, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._data = data

    def rowCount(self, parent: Index = _NO_PARENT) -> int:
        """One line for 16 bytes."""
        return 0 if parent.isValid() else -(-len(self._data) // WIDTH)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """The line, ASCII only."""
        if not index.isValid() or role != Qt.ItemDataRole.DisplayRole:
            return None
        start = index.row() * WIDTH
        return hex_lines(self._data[start : start + WIDTH], start)[0]

    def places(self, wanted: bytes) -> list[int]:
        """Offsets of `wanted`, from the first to the last; at most 10,000."""
        found: list[int] = []
        at = self._data.find(wanted) if wanted else -1
        while at >= 0 and len(found) < 10_000:
            found.append(at)
            at = self._data.find(wanted, at + 1)
        return found


class _HexDelegate(QStyledItemDelegate):
    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Offset in text2, bytes and letters in text."""
        painter.save()
        rect = QRectF(option.rect).adjusted(8, 0, 0, 0)
        if option.state & QStyle.StateFlag.State_Selected:
            painter.fillRect(QRectF(option.rect), theme.color("selected"))
        offset, _, rest = str(index.data()).partition("  ")
        font = fonts.mono_font(12)
        used = draw_text(painter, rect, offset, font, theme.color("text2")) + 12
        draw_text(painter, rect.adjusted(used, 0, 0, 0), rest, font, theme.color("text"))
        painter.restore()

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        """As wide as a whole line."""
        return QSize(QFontMetrics(fonts.mono_font(12)).horizontalAdvance("0" * 78) + 28, ROW)


class HexView(QListView):
    """Bytes; Find looks for the UTF-8 of the text, or for bytes written as `89 50 4e`."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bytes: HexModel | None = None
        self.setUniformItemSizes(True)
        self.setItemDelegate(_HexDelegate(self))
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setAccessibleName(tr("Value as bytes"))
        theme.theme().changed.connect(self.viewport().update)

    def show_bytes(self, data: bytes) -> None:
        """Show other bytes."""
        old, self._bytes = self._bytes, HexModel(data, self)
        self.setModel(self._bytes)
        if old is not None:
            old.deleteLater()

    def find_text(self, text: str, step: int) -> tuple[int, int]:
        """Go to the next (1), previous (-1) or nearest (0) place; (its number, how many there are)."""
        if self._bytes is None or not text:
            return 0, 0
        places = self._bytes.places(text.encode("utf-8", "surrogateescape")) or self._bytes.places(_as_bytes(text))
        if not places:
            return 0, 0
        row = self.currentIndex().row()
        if step < 0:
            chosen = max((at for at, place in enumerate(places) if place // WIDTH < row), default=len(places) - 1)
        else:
            first = row + (1 if step else 0)
            chosen = next((at for at, place in enumerate(places) if place // WIDTH >= first), 0)
        index = self._bytes.index(places[chosen] // WIDTH)
        self.setCurrentIndex(index)
        self.scrollTo(index)
        return chosen + 1, len(places)


def _as_bytes(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        return b""
