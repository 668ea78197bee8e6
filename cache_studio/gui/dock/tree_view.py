"""The tree of a value: keys in the accent, values coloured by what they are."""

from PySide6.QtCore import QItemSelectionModel, QRectF, QSize, Qt
from PySide6.QtGui import QGuiApplication, QKeyEvent, QKeySequence, QPainter
from PySide6.QtWidgets import QAbstractItemView, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QTreeView, QWidget

from cache_studio.decoding.nodes import Node
from cache_studio.gui.dock.node_model import KEY_ROLE, KIND_ROLE, NOTE_ROLE, VALUE_ROLE, Index, Line, NodeModel
from cache_studio.gui.look import fonts, theme
from cache_studio.gui.look.text import tr
from cache_studio.gui.widgets.cards import text_color
from cache_studio.gui.widgets.painting import draw_text

ROW = 24
_COLORS = {
    "string": "fresh",
    "number": "soon",
    "bool": "stale",
    "null": "stale",
    "datetime": "soon",
    "bytes": "soon",
    "call": "urgent",
    "error": "urgent",
}
"""Kind of a node -> colour role or TTL state of its value; all others are of second rank."""
_OPEN_LINES = 200
"""A tree of no more lines is shown opened."""


class NodeDelegate(QStyledItemDelegate):
    """Draws key, value and remark on one line."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Draw the line; what has no room is elided."""
        painter.save()
        rect = QRectF(option.rect)
        if option.state & QStyle.StateFlag.State_Selected:
            painter.fillRect(rect, theme.color("selected"))
        left = rect.left() + 4
        key, value, note = (str(index.data(role) or "") for role in (KEY_ROLE, VALUE_ROLE, NOTE_ROLE))
        kind = str(index.data(KIND_ROLE) or "")
        font = fonts.mono_font(12)
        for text, color in ((key, "accent"), (value, _COLORS.get(kind, "text2")), (note, "text2")):
            if text and rect.right() - left > 8:
                room = QRectF(left, rect.top(), rect.right() - left - 4, rect.height())
                left += draw_text(painter, room, text, font, text_color(color)) + 12
        painter.restore()

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        """24 px high."""
        return QSize(200, ROW)


class TreeView(QTreeView):
    """A tree of one column; Ctrl+C copies the current line."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._nodes: NodeModel | None = None
        self.setHeaderHidden(True)
        self.setUniformRowHeights(True)
        self.setIndentation(18)
        self.setAnimated(False)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setItemDelegate(NodeDelegate(self))
        self.setAccessibleName(tr("Value as a tree"))
        theme.theme().changed.connect(self.viewport().update)

    def show_tree(self, root: Node) -> None:
        """Show another tree; a small one opened."""
        old, self._nodes = self._nodes, NodeModel(root, self)
        self.setModel(self._nodes)
        if old is not None:
            old.deleteLater()
        if sum(1 for _, _ in zip(self._nodes.lines(), range(_OPEN_LINES + 1), strict=False)) <= _OPEN_LINES:
            self.expandAll()

    def find_text(self, text: str, step: int) -> tuple[int, int]:
        """Go to the next (`step` 1), previous (-1) or nearest (0) line with `text`; (its number, how many there are).

        (0, 0) when there is none.
        """
        if self._nodes is None or not text:
            return 0, 0
        wanted = text.casefold()
        lines = list(self._nodes.lines())
        hits = [at for at, line in enumerate(lines) if _holds(line, wanted)]
        if not hits:
            return 0, 0
        current = self.currentIndex()
        place = next(
            (at for at, line in enumerate(lines) if current.isValid() and line is self._nodes.line(current)), -1
        )
        chosen = _next_hit(hits, place, step)
        index = self._nodes.index_of(lines[hits[chosen]])
        self.selectionModel().setCurrentIndex(index, QItemSelectionModel.SelectionFlag.ClearAndSelect)
        self.scrollTo(index)
        return chosen + 1, len(hits)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Copy the current line, else as usual."""
        if event.matches(QKeySequence.StandardKey.Copy) and self.currentIndex().isValid():
            QGuiApplication.clipboard().setText(str(self.currentIndex().data(Qt.ItemDataRole.DisplayRole)))
            return
        super().keyPressEvent(event)


def _holds(line: Line, wanted: str) -> bool:
    return wanted in line.node.key.casefold() or wanted in line.node.text.casefold()


def _next_hit(hits: list[int], place: int, step: int) -> int:
    """Which of `hits` (rising) to go to from `place`."""
    if step < 0:
        return max((at for at, hit in enumerate(hits) if hit < place), default=len(hits) - 1)
    first = place + 1 if step else place
    return next((at for at, hit in enumerate(hits) if hit >= first), 0)
