"""The table of entries as it looks: lines, header, density, hover, the accent edge of the selected row."""

from collections.abc import Iterable
from typing import NamedTuple

from PySide6.QtCore import QEvent, QModelIndex, QObject, QPoint, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QMouseEvent, QPainter, QPaintEvent, QPalette, QRegion
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableView, QWidget

from cache_studio.gui.look import fonts, theme
from cache_studio.gui.look.icons import paint_icon
from cache_studio.gui.look.text import display_text, tr
from cache_studio.gui.widgets.cells import CELL_PAD, RowDelegate, RowState, draw_ground, lead
from cache_studio.gui.widgets.painting import draw_text

HEADER_HEIGHT = 32
EDGE = 3
_CHEVRON = 14


class EntryHeader(QHeaderView):
    """Column names in text2; the sorted one in text with a chevron: down reads from small to large."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self.setSectionsMovable(True)
        self.setSectionsClickable(True)
        self.setHighlightSections(False)
        self.setFixedHeight(HEADER_HEIGHT)
        self.setMinimumSectionSize(40)
        self.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        self.setAccessibleName(tr("Columns"))

    def paintSection(self, painter: QPainter, rect: QRect, logical: int) -> None:
        """Draw one column's name, aligned as its cells are."""
        painter.save()
        painter.fillRect(rect, theme.color("sunken"))
        painter.fillRect(QRect(rect.left(), rect.bottom(), rect.width(), 1), theme.color("border"))
        model = self.model()
        text = str(model.headerData(logical, Qt.Orientation.Horizontal) or "") if model else ""
        sorted_by = self.isSortIndicatorShown() and self.sortIndicatorSection() == logical
        font = fonts.text_font(12, fonts.SEMIBOLD if sorted_by else fonts.MEDIUM)
        color = theme.color("text" if sorted_by else "text2")
        left = lead(self.parentWidget(), logical)
        box = QRectF(rect).adjusted(left, 0, -CELL_PAD, -1)
        align = self._alignment(logical)
        right = bool(align & Qt.AlignmentFlag.AlignRight)
        room = box.adjusted(_CHEVRON if right and sorted_by else 0, 0, 0 if right or not sorted_by else -_CHEVRON, 0)
        width = draw_text(painter, room, display_text(text, 200), font, color, align)
        if sorted_by:
            mark = box.right() - width - _CHEVRON - 2 if right else box.left() + width + 2
            down = self.sortIndicatorOrder() == Qt.SortOrder.AscendingOrder
            icon = "chevron-down" if down else "chevron-up"
            paint_icon(painter, QRectF(mark, box.center().y() - 7, 14, 14), icon, theme.colors().text)
        painter.restore()

    def _alignment(self, logical: int) -> Qt.AlignmentFlag:
        wanted = self.model().headerData(logical, Qt.Orientation.Horizontal, Qt.ItemDataRole.TextAlignmentRole)
        return self.defaultAlignment() if wanted is None else Qt.AlignmentFlag(int(wanted))


class _Column(NamedTuple):
    """A column while it is painted: where it stands, and the pixels before its text."""

    at: int
    left: int
    width: int
    lead: int
    delegate: RowDelegate


class EntryTableView(QTableView):
    """A table of whole rows that looks as the style note says; model and delegates, all RowDelegate, come from outside.

    `hover_row` is the row under the pointer, -1 without one. Several rows can be selected. Call `tick` now and then
    while it is on the screen.
    """

    ticking: frozenset[int] = frozenset()
    """Columns whose cells change while nothing happens."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.hover_row = -1
        self._minimum: dict[int, int] = {}
        self._looks: dict[tuple[int, int], object] = {}
        """What each cell (row, column) of the ticking columns looked like when all of it was drawn last."""
        header = EntryHeader(self)
        self.setHorizontalHeader(header)
        header.setSortIndicatorShown(True)  # the view took it away when it got the header
        header.setStretchLastSection(True)
        header.sectionResized.connect(self._keep_minimum)
        self.verticalHeader().hide()
        self.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setCornerButtonEnabled(False)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self._plain = RowDelegate(self)
        self.setItemDelegate(self._plain)
        self.setMouseTracking(True)
        self.setTabKeyNavigation(False)
        self.setAccessibleName(tr("Entries"))
        self.viewport().installEventFilter(self)
        theme.theme().changed.connect(self._restyle)
        self._restyle()

    def set_minimum_width(self, column: int, width: int) -> None:
        """Keep `column` at least `width` pixels wide, however it is dragged."""
        self._minimum[column] = width
        if self.model() is not None and self.columnWidth(column) < width:
            self.setColumnWidth(column, width)

    def sizeHintForColumn(self, column: int) -> int:
        """Never less than the minimum of the column."""
        return max(super().sizeHintForColumn(column), self._minimum.get(column, 0))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Follow the pointer to know the hovered row."""
        if watched is self.viewport() and event.type() == QEvent.Type.Leave:
            self._hover(-1)
        return super().eventFilter(watched, event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Mark the row under the pointer."""
        self._hover(self.rowAt(round(event.position().y())))
        super().mouseMoveEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """The table, then the accent edge of selected rows and the focus ring of the current one."""
        self.executeDelayedItemsLayout()
        if self.model() is None:
            return
        painter = QPainter(self.viewport())
        self._draw_rows(painter, event.region())
        current = self.currentIndex()
        if self.hasFocus() and current.isValid():
            top, height = self.rowViewportPosition(current.row()), self.rowHeight(current.row())
            painter.setPen(theme.color("accent"))
            painter.drawRect(QRect(QPoint(0, top), QSize(self.viewport().width() - 1, height - 2)))
        painter.end()

    def _draw_rows(self, painter: QPainter, region: QRegion) -> None:
        """Draw the rows and columns that the region touches.

        Not left to Qt, which asks cell by cell and takes twice as long: meanwhile other threads wait for the
        interpreter, and each call of a paint may have to wait for them.
        """
        columns = self._columns_in(region)
        if not columns:
            return
        left, right = min(one.left for one in columns), max(one.left + one.width for one in columns)
        model, selection, ground = self.model(), self.selectionModel(), self.viewport().rect()
        any_selected = selection.hasSelection()
        together = region.boundingRect() if region.rectCount() == 1 else QRect()
        for row in self._visible_rows():
            top, height = self.rowViewportPosition(row), self.rowHeight(row)
            band = QRect(left, top, right - left, height)
            if not region.intersects(band):
                continue
            is_selected = any_selected and selection.isRowSelected(row, QModelIndex())
            state = RowState(self, is_selected, row == self.hover_row)
            draw_ground(painter, QRectF(band), state)
            is_all = together.contains(band & ground)
            for one in columns:
                cell = QRect(one.left, top, one.width, height)
                if not is_all and not region.intersects(cell):
                    continue
                index = model.index(row, one.at)
                look = one.delegate.look(index)
                if one.at in self.ticking:
                    is_whole = is_all or QRegion(cell & ground).subtracted(region).isEmpty()
                    self._looks[row, one.at] = look if is_whole else None
                rect = QRectF(one.left + one.lead, top, one.width - one.lead - CELL_PAD, height - 1)
                one.delegate.draw_cell(painter, rect, index, look, state)
            if state.is_selected:
                painter.fillRect(QRect(0, top, EDGE, height), theme.color("accent"))

    def tick(self) -> None:
        """Draw those cells of the ticking columns again that would look otherwise than when they were drawn last."""
        rows, ground, again = self._visible_rows(), self.viewport().rect(), QRegion()
        self._looks = {place: look for place, look in self._looks.items() if place[0] in rows}
        for one in self._columns_in(QRegion(ground)):
            if one.at not in self.ticking:
                continue
            for row in rows:
                if one.delegate.look(self.model().index(row, one.at)) != self._looks.get((row, one.at)):
                    again += QRect(one.left, self.rowViewportPosition(row), one.width, self.rowHeight(row))
        self.viewport().update(again)

    def draw_again(self, rows: Iterable[int]) -> None:
        """Draw those of these rows that are on the screen again."""
        visible, width, again = self._visible_rows(), self.viewport().width(), QRegion()
        for row in rows:
            if row in visible:
                again += QRect(0, self.rowViewportPosition(row), width, self.rowHeight(row))
        self.viewport().update(again)

    def _columns_in(self, region: QRegion) -> list["_Column"]:
        """The columns that the region touches."""
        height, found = self.viewport().height(), []
        for at in range(self.model().columnCount()):
            left, width = self.columnViewportPosition(at), self.columnWidth(at)
            if width and region.intersects(QRect(left, 0, width, height)):
                delegate = self.itemDelegateForColumn(at)
                drawn_by = delegate if isinstance(delegate, RowDelegate) else self._plain
                found.append(_Column(at, left, width, lead(self, at), drawn_by))
        return found

    def _visible_rows(self) -> range:
        first = self.rowAt(0)
        last = self.rowAt(self.viewport().height() - 1)
        if first < 0:
            return range(0)
        return range(first, (last if last >= 0 else self.model().rowCount() - 1) + 1)

    def _hover(self, row: int) -> None:
        if row == self.hover_row:
            return
        for one in (self.hover_row, row):
            if one >= 0:
                width = self.viewport().width()
                self.viewport().update(0, self.rowViewportPosition(one), width, self.rowHeight(one))
        self.hover_row = row

    def _keep_minimum(self, column: int, _old: int, new: int) -> None:
        least = self._minimum.get(column, 0)
        if new < least and not self.isColumnHidden(column):
            self.setColumnWidth(column, least)

    def _restyle(self) -> None:
        self.verticalHeader().setDefaultSectionSize(int(theme.theme().density))
        shades = self.palette()
        for role, name in ((QPalette.ColorRole.Highlight, "selected"), (QPalette.ColorRole.HighlightedText, "text")):
            shades.setColor(role, theme.color(name))
        self.setPalette(shades)
        self.viewport().update()
        self.horizontalHeader().viewport().update()
