"""The left panel's rows: attached caches as tiles, recent and discovered ones as two short lines."""

import math

from PySide6.QtCore import QAbstractListModel, QModelIndex, QPersistentModelIndex, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPen
from PySide6.QtWidgets import QListView, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from cache_studio.gui.look import fonts, theme
from cache_studio.gui.look.icon_paths import format_icon
from cache_studio.gui.look.icons import paint_icon
from cache_studio.gui.look.text import display_text, tooltip_text, tr
from cache_studio.gui.widgets.painting import LEFT, RIGHT, draw_spark, draw_text
from cache_studio.gui.widgets.roles import CacheRow, CacheState, PlaceRow, Role
from cache_studio.model.units import NOT_RECORDED, format_count, format_size

Index = QModelIndex | QPersistentModelIndex
TILE_HEIGHT = 72
MARKS_HEIGHT = 20
"""What a tile is higher by where a line of marks stands in it."""
PLACE_HEIGHT = 40


def state_color(state: CacheState) -> str:
    """`#RRGGBB` of the dot for a state."""
    colors = theme.colors()
    return {
        CacheState.LIVE: colors.fresh.bar,
        CacheState.READING: colors.soon.bar,
        CacheState.PAUSED: colors.control,
        CacheState.UNREACHABLE: colors.urgent.bar,
    }[state]


def format_rate(rate: float | None) -> str:
    """`"64 %"`; unknown (None or NaN) is "not recorded"."""
    return tr(NOT_RECORDED) if rate is None or math.isnan(rate) else f"{rate * 100:.0f} %"


def spoken(row: CacheRow | PlaceRow) -> str:
    """A row in one sentence, for screen readers."""
    if isinstance(row, PlaceRow):
        return f"{display_text(row.name, 200)}, {row.format}, {row.note}"
    figures = f"{format_count(row.entries)} {tr('entries')}, {format_size(row.volume)}"
    access = tr("read-only") if row.read_only else row.state.value
    rate = f"{tr('hit rate')} {format_rate(row.hit_rate)}"
    marks = [words for words, _tone in row.marks]
    return ", ".join((display_text(row.name, 200), *marks, row.format, access, figures, rate))


class CacheListModel(QAbstractListModel):
    """Rows of the panel; `set_rows` keeps the selection where only figures change, and draws only what does."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows: list[CacheRow | PlaceRow] = []

    def set_rows(self, rows: list[CacheRow] | list[PlaceRow]) -> bool:
        """Show `rows`, in this order; whether any of them is another one than before."""
        if len(rows) == len(self._rows):
            changed = [at for at, (old, new) in enumerate(zip(self._rows, rows, strict=True)) if old != new]
            self._rows = list(rows)
            for at in changed:
                self.dataChanged.emit(self.index(at), self.index(at))
            return bool(changed)
        self.beginResetModel()
        self._rows = list(rows)
        self.endResetModel()
        return True

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's own signature
        """Number of rows."""
        return 0 if parent.isValid() else len(self._rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """The row under Role.CACHE; its name, sentence and tooltip under Qt's own roles."""
        if not 0 <= index.row() < len(self._rows):
            return None
        row = self._rows[index.row()]
        if role == Role.CACHE:
            return row
        if role == Qt.ItemDataRole.DisplayRole:
            return display_text(row.name, 200)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return spoken(row)
        if role == Qt.ItemDataRole.ToolTipRole:
            return tooltip_text(spoken(row))
        return None


class CacheListDelegate(QStyledItemDelegate):
    """Draws a CacheRow as a tile of 72 px and a PlaceRow as two lines of 40 px."""

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        """Fixed heights; the width is the view's."""
        row = index.data(Role.CACHE)
        if isinstance(row, PlaceRow):
            return QSize(180, PLACE_HEIGHT)
        marked = isinstance(row, CacheRow) and bool(row.marks)
        return QSize(180, TILE_HEIGHT + (MARKS_HEIGHT if marked else 0))

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Draw ground, edge and content."""
        row = index.data(Role.CACHE)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        rect = QRectF(option.rect).adjusted(8, 1, -8, -3)
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        hovered = bool(option.state & QStyle.StateFlag.State_MouseOver)
        if selected or hovered:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.color("selected" if selected else "hover"))
            painter.drawRoundedRect(rect, 6, 6)
        if selected:
            painter.setBrush(theme.color("accent"))
            painter.drawRoundedRect(QRectF(rect.left(), rect.center().y() - 17, 3, 34), 1.5, 1.5)
        if option.state & QStyle.StateFlag.State_HasFocus:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(theme.color("accent"), 1))
            painter.drawRoundedRect(rect.adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)
        inner = rect.adjusted(8, 0, -8, 0)
        if isinstance(row, CacheRow):
            self._draw_cache(painter, inner, row)
        elif isinstance(row, PlaceRow):
            self._draw_place(painter, inner, row)
        painter.restore()

    def _draw_cache(self, painter: QPainter, rect: QRectF, row: CacheRow) -> None:
        self._draw_icon(painter, QRectF(rect.left(), rect.top() + 8, 32, 32), row)
        lines = rect.adjusted(44, 6, 0, 0)
        colors = theme.colors()
        name, small = fonts.text_font(13, fonts.SEMIBOLD), fonts.text_font(12)
        spark = QRectF(lines.right() - 56, lines.top() + 14, 56, 20)
        draw_text(
            painter,
            QRectF(lines.left(), lines.top(), lines.width(), 18),
            display_text(row.name, 200),
            name,
            colors.text,
        )
        second = QRectF(lines.left(), lines.top() + 18, lines.width() - 62, 18)
        draw_text(painter, second, row.format, small, colors.text2)
        draw_spark(painter, spark, row.spark if row.hit_rate is not None else ())
        third = QRectF(lines.left(), lines.top() + 36, lines.width(), 18)
        known = row.hit_rate is not None and not math.isnan(row.hit_rate)
        rate_font = fonts.text_font(12, fonts.SEMIBOLD) if known else fonts.text_font(11)
        used = draw_text(
            painter, third, format_rate(row.hit_rate), rate_font, colors.text if known else colors.text2, RIGHT
        )
        figures = _figures(row)
        draw_text(painter, third.adjusted(0, 0, -used - 6, 0), figures, small, colors.text2)
        self._draw_marks(painter, QRectF(rect.left(), lines.top() + 57, rect.width(), 18), row)

    def _draw_marks(self, painter: QPainter, line: QRectF, row: CacheRow) -> None:
        font = fonts.text_font(11, fonts.SEMIBOLD)
        left = line.left()
        for words, tone in row.marks:
            pill = getattr(theme.colors(), tone)
            wanted = QFontMetricsF(font).horizontalAdvance(words) + 12
            box = QRectF(left, line.top(), min(wanted, line.right() - left), line.height())
            if box.width() < MARKS_HEIGHT:  # a panel that was drawn very narrow
                return
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(pill.ground))
            painter.drawRoundedRect(box, 4, 4)
            draw_text(painter, box.adjusted(6, 0, -6, 0), words, font, pill.text)
            left = box.right() + 4

    def _draw_icon(self, painter: QPainter, box: QRectF, row: CacheRow) -> None:
        colors = theme.colors()
        painter.setPen(QPen(theme.color("border"), 1))
        painter.setBrush(theme.color("surface"))
        painter.drawRoundedRect(box.adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)
        paint_icon(painter, QRectF(box.left() + 6, box.top() + 6, 20, 20), format_icon(row.format), colors.text)
        mark = QRectF(box.right() - 7, box.bottom() - 7, 12, 12)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("window"))
        painter.drawEllipse(mark)
        if row.read_only:
            paint_icon(painter, mark, "lock", colors.text2)
        else:
            painter.setBrush(state_color(row.state))
            painter.drawEllipse(mark.adjusted(2, 2, -2, -2))

    def _draw_place(self, painter: QPainter, rect: QRectF, row: PlaceRow) -> None:
        colors = theme.colors()
        paint_icon(
            painter, QRectF(rect.left() + 8, rect.center().y() - 8, 16, 16), format_icon(row.format), colors.text2
        )
        lines = rect.adjusted(44, 1, 0, 0)
        name, small = fonts.text_font(12, fonts.MEDIUM), fonts.text_font(11)
        draw_text(
            painter,
            QRectF(lines.left(), lines.top(), lines.width(), 18),
            display_text(row.name, 200),
            name,
            colors.text,
        )
        second = QRectF(lines.left(), lines.top() + 17, lines.width(), 16)
        used = draw_text(painter, second, row.note, small, colors.text2, RIGHT)
        draw_text(painter, second.adjusted(0, 0, -used - 6, 0), row.format, small, colors.text2, LEFT)


class CacheListView(QListView):
    """A list of the left panel without a frame, on the window's ground. Enter and click activate a row."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self.setItemDelegate(CacheListDelegate(self))
        self.setMouseTracking(True)
        self.setUniformItemSizes(False)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.setSelectionMode(QListView.SelectionMode.SingleSelection)
        self.setStyleSheet("QListView { background: transparent; }")
        theme.theme().changed.connect(self.viewport().update)

    def fit(self) -> None:
        """Make the view as high as its rows, for a panel that scrolls as a whole."""
        self.scheduleDelayedItemsLayout()  # rows are not all of one height, and may have changed places
        model = self.model()
        rows = model.rowCount() if model else 0
        heights = (self.sizeHintForIndex(model.index(row, 0)).height() for row in range(rows))
        self.setFixedHeight(sum(heights))


def _figures(row: CacheRow) -> str:
    """Entries and volume; where neither is known yet, what the attachment does."""
    if row.entries is None and row.volume is None:
        return tr(row.state.value)
    known = (
        format_count(row.entries) if row.entries is not None else "",
        format_size(row.volume) if row.volume else "",
    )
    return " · ".join(part for part in known if part)
