"""Bars under names: biggest namespaces, what a plan takes from each."""

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from cache_studio.gui.look import fonts, theme
from cache_studio.gui.look.text import display_text
from cache_studio.gui.widgets.cards import role_color
from cache_studio.gui.widgets.painting import LEFT, RIGHT, draw_text
from cache_studio.model.units import format_count, format_size

ROW_HEIGHT = 34
_BAR = 5
_FIGURE_WIDTH = 78


@dataclass(frozen=True, slots=True)
class Bar:
    """A name with its entries and bytes; `parts` are shares of the longest bar (0 to 1) with their colour roles."""

    name: str
    entries: int | None
    size: float | None
    parts: tuple[tuple[str, float], ...] = ()


def namespace_bars(rows: Sequence[tuple[str, int, float, float]]) -> list[Bar]:
    """Bars of (name, entries, size, stale size) rows, fresh in the accent and stale in plum."""
    longest = max((size for _, _, size, _ in rows), default=0.0) or 1.0
    return [
        Bar(name, entries, size, (("accent", (size - stale) / longest), ("stale", stale / longest)))
        for name, entries, size, stale in rows
    ]


class BarList(QWidget):
    """Name at the left, entries and bytes at the right, a stacked bar below them."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bars: tuple[Bar, ...] = ()
        self._mono = True
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.theme().changed.connect(self.update)
        self.setAccessibleName(name)

    def use_text_font(self) -> None:
        """Names are words of ours ("under 1 hour"), not stored ones."""
        self._mono = False
        self.update()

    def set_bars(self, bars: Sequence[Bar]) -> None:
        """Show these from top to bottom."""
        if self._bars == tuple(bars):
            return
        self._bars = tuple(bars)
        lines = (f"{display_text(b.name, 80)} {format_count(b.entries)}, {format_size(b.size)}" for b in self._bars)
        self.setAccessibleDescription("; ".join(lines))
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        """34 px a row."""
        return QSize(260, ROW_HEIGHT * max(1, len(self._bars)))

    def minimumSizeHint(self) -> QSize:
        """All rows are shown; names may be elided."""
        return QSize(160, ROW_HEIGHT * max(1, len(self._bars)))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw all rows."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for at, bar in enumerate(self._bars):
            self._draw_row(painter, QRectF(0, at * ROW_HEIGHT, self.width(), ROW_HEIGHT), bar)
        painter.end()

    def _draw_row(self, painter: QPainter, rect: QRectF, bar: Bar) -> None:
        colors = theme.colors()
        words = QRectF(rect.left(), rect.top(), rect.width(), 22)
        size_font = fonts.text_font(12, fonts.SEMIBOLD)
        draw_text(painter, words, format_size(bar.size), size_font, colors.text, RIGHT)
        counted = words.adjusted(0, 0, -_FIGURE_WIDTH, 0)
        used = draw_text(painter, counted, format_count(bar.entries), fonts.text_font(12), colors.text2, RIGHT)
        font = fonts.mono_font(12) if self._mono else fonts.text_font(12)
        draw_text(painter, counted.adjusted(0, 0, -used - 8, 0), display_text(bar.name, 200), font, colors.text, LEFT)
        track = QRectF(rect.left(), words.bottom(), rect.width(), _BAR)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("track"))
        painter.drawRoundedRect(track, 2, 2)
        left = track.left()
        for role, share in bar.parts:
            if share <= 0:
                continue
            width = max(2.0, share * track.width())
            painter.setBrush(QColor(role_color(role)))
            painter.drawRoundedRect(QRectF(left, track.top(), width, _BAR), 2, 2)
            left += width + 1
