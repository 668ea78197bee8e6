"""Axes of the charts: few round ticks, local time with "now" at the right, units at the topmost tick."""

from collections.abc import Sequence
from functools import lru_cache

import pyqtgraph as pg
from PySide6.QtCore import QLineF, QRectF, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPen
from PySide6.QtWidgets import QStyleOptionGraphicsItem, QWidget

from cache_studio.gui.look import fonts, theme
from cache_studio.gui.look.text import tr
from cache_studio.gui.plots.series import Scale, nice_step, time_label, time_ticks

_LABEL_WIDTH = 74
_NOW_GAP = 46
_OFFSET = 6
"""Pixels between the chart and its words."""
_WORDS = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextDontClip
Ticks = list[tuple[float, list[float]]]


class _QuietAxis(pg.AxisItem):  # type: ignore[misc]  # pyqtgraph has no types
    """An axis in the theme's colours that lies under the curves."""

    def __init__(self, orientation: str) -> None:
        super().__init__(orientation)
        # There is no label that could name a prefix, but pyqtgraph lays it out anew at each change of the range.
        self.enableAutoSIPrefix(False)

    def boundingRect(self) -> QRectF:
        """With room for half a label beyond each end; pyqtgraph leaves out labels that do not fit in here."""
        return self._covered().adjusted(-24, -10, 24, 10)

    def restyle(self) -> None:
        """Take the colours in force."""
        self._font = fonts.text_font(11)
        self._metrics = QFontMetricsF(self._font)
        self._wide = lru_cache(512)(self._metrics.horizontalAdvance)
        self.setStyle(tickTextOffset=_OFFSET, tickLength=0)
        self.setZValue(-200)  # the box has -100
        self.update()

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        """Lines and words straight to the chart: pyqtgraph's own way over a picture takes three times as long."""
        ((step, values),) = self.tickValues(*self.range, self._length())
        marks = self._marks(values)
        painter.setFont(self._font)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        self._draw_lines(painter, marks)
        painter.setPen(theme.color("text2"))
        room, high, widest = self.boundingRect(), self._metrics.height() * 0.8, 0.0
        for mark, words in zip(marks, self.tickStrings(values, 1.0, step), strict=True):
            wide = self._wide(words)
            place = self._place(mark, wide, high)
            widest = max(widest, wide)
            if room.contains(place):
                painter.drawText(place, _WORDS, words)
        self._updateMaxTextSize(widest if self.orientation == "left" else high)

    def _length(self) -> float:
        """Of the axis, in px."""
        rect = self.rect()
        return float(rect.height() if self.orientation == "left" else rect.width())

    def _covered(self) -> QRectF:
        """What it draws on, but for the words at its ends."""
        return QRectF(self.rect())

    def _marks(self, values: Sequence[float]) -> list[float]:
        """Where the values lie on the axis, in px from its beginning."""
        (low, high), length = self.range, self._length()
        return [(value - low) / (high - low) * length for value in values]

    def _draw_lines(self, painter: QPainter, marks: Sequence[float]) -> None:
        """What crosses the chart."""

    def _place(self, mark: float, wide: float, high: float) -> QRectF:
        """Of the words for a mark: below the chart."""
        return QRectF(mark - wide / 2, _OFFSET, wide, high)


class TimeAxis(_QuietAxis):
    """Local times; the end of the range is labelled "now"."""

    def __init__(self) -> None:
        super().__init__("bottom")
        self._step = 60.0

    def tickValues(self, low: float, high: float, size: float) -> Ticks:
        """Round local times that leave room for "now"."""
        count = max(3, round(size / _LABEL_WIDTH))
        self._step, values = time_ticks(low, high, count)
        room = (high - low) * _NOW_GAP / max(1.0, size)
        return [(self._step, [*(value for value in values if value <= high - room), high])]

    def tickStrings(self, values: Sequence[float], scale: float, spacing: float) -> list[str]:
        """Times, or "now" for the end."""
        high = self.range[1]
        return [tr("now") if value == high else time_label(value, self._step) for value in values]


class ValueAxis(_QuietAxis):
    """Round figures from 0 (or from below it) upwards with faint lines across the chart."""

    def __init__(self, scale: Scale) -> None:
        super().__init__("left")
        self._figures = scale

    def tickValues(self, low: float, high: float, size: float) -> Ticks:
        """About one tick every 44 px, at multiples of a round step."""
        room = size / max(1.0, high - low)
        fixed = (step for step in self._figures.steps if step * room >= 24)
        step = next(fixed, 0.0) or nice_step(max(high, -low), max(2, round(size / (44 if low >= 0 else 80))))
        first, last = -int(-low / step + 1e-9), int(high / step + 1e-9)
        return [(step, [number * step for number in range(first, last + 1)])]

    def tickStrings(self, values: Sequence[float], scale: float, spacing: float) -> list[str]:
        """The figures; the topmost one with its unit."""
        top = max(values, default=0.0)
        return [self._figures.label(value, top, value == top) for value in values]

    def _covered(self) -> QRectF:
        """Itself and the chart."""
        view: QRectF = self.linkedView().geometry()
        return super()._covered() | view.translated(-self.pos())

    def _marks(self, values: Sequence[float]) -> list[float]:
        """In px from the top, where the axis ends."""
        length = self._length()
        return [length - mark for mark in super()._marks(values)]

    def _draw_lines(self, painter: QPainter, marks: Sequence[float]) -> None:
        left, right = self.rect().right(), self._covered().right()
        painter.setPen(QPen(theme.color("border"), 1))
        painter.drawLines([QLineF(left, mark, right, mark) for mark in marks])

    def _place(self, mark: float, wide: float, high: float) -> QRectF:
        return QRectF(self.rect().right() - _OFFSET - wide, mark - high / 2, wide, high)


class WordAxis(_QuietAxis):
    """Words below bars at whole numbers; those without room are left out."""

    def __init__(self) -> None:
        super().__init__("bottom")
        self._words: list[str] = []

    def set_words(self, words: Sequence[str]) -> None:
        """Word of bar 0, 1, 2..."""
        self._words = list(words)
        self.update()

    def tickValues(self, low: float, high: float, size: float) -> Ticks:
        """Every first, second or third bar, counted so that 40 px are free for each word."""
        bars = max(1.0, high - low)
        every = max(1, -int(-40 // (size / bars)))
        return [(1.0, [float(at) for at in range(0, len(self._words), every)])]

    def tickStrings(self, values: Sequence[float], scale: float, spacing: float) -> list[str]:
        """The words."""
        return [self._words[round(value)] for value in values]
