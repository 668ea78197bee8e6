"""What the charts draw their figures with: items of Qt, one path each, which Qt paints almost without Python."""

from collections.abc import Sequence
from typing import TypeVar, cast

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QPainter, QPainterPath, QPen, QPolygonF
from PySide6.QtWidgets import QGraphicsEllipseItem, QGraphicsItem, QGraphicsPathItem, QStyleOptionGraphicsItem, QWidget
from shiboken6 import wrapInstance

from cache_studio.gui.plots.base import Plot
from cache_studio.gui.plots.series import Floats, runs
from cache_studio.gui.widgets.cards import role_color

_NO_PEN = QPen(Qt.PenStyle.NoPen)
_DOT_PX, _NEWEST_PX = 3.0, 7.0
Shape = TypeVar("Shape", QLineF, QRectF)


class _Curve(QGraphicsPathItem):
    """A smoothed line a pixel wide, with a dot for every point that has no neighbour."""

    def __init__(self) -> None:
        super().__init__()
        self.dots = QPolygonF()

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        """Draw line and dots."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        super().paint(painter, option, widget)
        if not self.dots.isEmpty():
            pen = QPen(self.pen().color(), _DOT_PX, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap)
            pen.setCosmetic(True)
            painter.setPen(pen)
            painter.drawPoints(self.dots)


class RunLine:
    """A line that is never joined over a gap, with soft fill below."""

    def __init__(self, plot: Plot, role: str, fill: int) -> None:
        self._role, self._fill = role, fill
        self._area, self.curve = QGraphicsPathItem(), _Curve()
        for item, z in ((self._area, 0), (self.curve, 10)):
            item.setZValue(z)
            plot.add(item)

    def set_values(self, times: Floats, values: Floats) -> None:
        """Draw `values` over `times`; NaN is a gap."""
        found = runs(values)
        lines = [(times[run], values[run]) for run in found]
        self.curve.dots = QPolygonF([QPointF(x[0], y[0]) for x, y in lines if len(x) == 1])
        self.curve.setPath(_path([line for line in lines if len(line[0]) > 1]))
        self._area.setPath(_path([_down_to_zero(x, y) for x, y in lines]))

    def restyle(self) -> None:
        """Take the colours in force."""
        color = QColor(role_color(self._role))
        soft = QColor(color)
        soft.setAlpha(self._fill)
        self._area.setPen(_NO_PEN)
        self._area.setBrush(QBrush(soft))
        self.curve.setPen(QPen(color, 0))


class Dot(QGraphicsEllipseItem):
    """A dot at the newest value, of the same size however much is shown."""

    def __init__(self) -> None:
        super().__init__(-_NEWEST_PX / 2, -_NEWEST_PX / 2, _NEWEST_PX, _NEWEST_PX)
        self.setFlag(self.GraphicsItemFlag.ItemIgnoresTransformations)
        self.setZValue(30)

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        """Draw it smoothed."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        super().paint(painter, option, widget)


class _BarsItem(QGraphicsItem):
    """Bars from 0 in one colour. Not one path: filling that takes twenty times as long."""

    def __init__(self) -> None:
        super().__init__()
        self.color = QColor()
        self.centres = self.heights = np.empty(0)
        self.width = 1.0
        self._bounds = QRectF()

    def set_bars(self, centres: Floats, heights: Floats, width: float) -> None:
        """Draw bars of these heights, none of them NaN."""
        self.prepareGeometryChange()
        self.centres, self.heights, self.width = centres, heights, width
        self._bounds = QRectF()
        if len(centres):
            bottom, top = min(0.0, heights.min()), max(0.0, heights.max())
            self._bounds.setCoords(centres.min() - width / 2, bottom, centres.max() + width / 2, top)
        self.update()

    def boundingRect(self) -> QRectF:
        """What holds all of them."""
        return self._bounds

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        """Fill them; one that is thinner than a pixel would fall between two of them, so it is drawn as a line."""
        centres, heights, zero = self.centres, self.heights, np.zeros_like(self.centres)
        if not len(centres):
            return
        if self.width * painter.worldTransform().m11() < 1:
            lines = np.column_stack((centres, zero, centres, heights))
            painter.setPen(QPen(self.color, 0))
            painter.drawLines(*_array_of(QLineF, lines))
        else:
            rectangles = np.column_stack((centres - self.width / 2, zero, zero + self.width, heights))
            painter.setPen(_NO_PEN)
            painter.setBrush(QBrush(self.color))
            painter.drawRects(*_array_of(QRectF, rectangles))


class Bars:
    """Bars up or down from 0, all in one colour."""

    def __init__(self, plot: Plot, role: str) -> None:
        self._role = role
        self.item = _BarsItem()
        plot.add(self.item)

    def set_values(self, centres: Floats, heights: Floats, width: float) -> None:
        """A bar for each height that is neither NaN nor 0."""
        seen = ~np.isnan(heights) & (heights != 0)
        self.item.set_bars(centres[seen], heights[seen], width)

    def restyle(self) -> None:
        """Take the colours in force."""
        self.item.color = QColor(role_color(self._role))
        self.item.update()


def _array_of(kind: type[Shape], figures: Floats) -> tuple[Shape, int]:
    """The rows of `figures`, four numbers each, as the array of shapes QPainter takes; it lives as long as they do."""
    return cast(Shape, wrapInstance(figures.ctypes.data, kind)), len(figures)


def _down_to_zero(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """A line with its ends led down to 0."""
    return np.concatenate((x[:1], x, x[-1:])), np.concatenate(((0.0,), y, (0.0,)))


def _path(lines: Sequence[tuple[Floats, Floats] | Floats]) -> QPainterPath:
    """Lines from point to point, each given as its x and its y."""
    if not lines:
        return QPainterPath()
    x, y = np.concatenate(lines, axis=1)
    goes_on: object = "all"
    if len(lines) > 1:
        goes_on = np.ones(len(x), np.int32)
        goes_on[np.cumsum([len(line[0]) for line in lines]) - 1] = 0
    path: QPainterPath = pg.functions.arrayToQPath(x, y, connect=goes_on, finiteCheck=False)
    return path
