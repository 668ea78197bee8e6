"""What all charts share: no dragging, a read-out under the pointer, colours that follow the theme."""

import math
from collections.abc import Sequence
from contextlib import suppress

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QBrush, QPen, QWheelEvent
from PySide6.QtWidgets import QGraphicsGridLayout, QGraphicsItem, QGraphicsRectItem, QSizePolicy, QWidget

from cache_studio.gui.look import fonts, theme
from cache_studio.gui.look.text import plain_label, tr
from cache_studio.gui.plots.axes import TimeAxis, ValueAxis
from cache_studio.gui.plots.series import Floats, Scale, gaps, moment_label
from cache_studio.model.units import NOT_RECORDED

Span = tuple[float, float]
"""First and last value that are shown; of time in epoch seconds."""
_GAP_LABEL_PX = 76


class Plot(pg.GraphicsView):  # type: ignore[misc]  # pyqtgraph has no types
    """A chart that only shows: the wheel scrolls the page, nothing can be dragged, the pointer reads figures.

    Two axes and a box. Not a PlotWidget, which makes forms and menus of a hundred widgets that nobody would see.
    """

    def __init__(self, name: str, scale: Scale, bottom: pg.AxisItem, parent: QWidget | None = None) -> None:
        self.scale_words = scale
        self.value_axis, self.bottom_axis = ValueAxis(scale), bottom
        super().__init__(parent)
        self.setAccessibleName(name)
        self.setFrameShape(self.Shape.NoFrame)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setViewportUpdateMode(self.ViewportUpdateMode.FullViewportUpdate)  # what is drawn anew is all of it
        self.viewport().setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)  # else the card is painted below it
        self.box = pg.ViewBox(enableMouse=False, enableMenu=False, defaultPadding=0)
        self.box.disableAutoRange()
        self._lay_out()
        self._readout = plain_label("", "readout", self)
        self._readout.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._readout.hide()
        self._cursor = pg.InfiniteLine(angle=90, movable=False)
        self._cursor.setZValue(50)
        self._cursor.hide()
        self.add(self._cursor)
        self.scene().sigMouseMoved.connect(self._on_moved)
        theme.theme().changed.connect(self.restyle)

    def add(self, item: QGraphicsItem) -> None:
        """Draw something in the box, in its figures; it does not move what is shown."""
        self.box.addItem(item, ignoreBounds=True)

    def restyle(self) -> None:
        """Take the colours in force; children colour their curves as well."""
        self.setBackground(theme.color("surface"))
        self.value_axis.restyle()
        self.bottom_axis.restyle()
        self._cursor.setPen(QPen(theme.color("control"), 0, Qt.PenStyle.DotLine))

    def close(self) -> bool:
        """Close for good: pyqtgraph takes its parts away, so a later change of theme must not come here."""
        with suppress(RuntimeError):  # a second time there is nothing to disconnect
            theme.theme().changed.disconnect(self.restyle)
        super().close()
        return True

    def show_range(self, across: Span, up: Span) -> None:
        """Show this much of the bottom and of the left axis."""
        self.box.setRange(xRange=across, yRange=up, padding=0, disableAutoRange=False)  # it is off
        self.box.updateMatrix()  # else the next paint does so, and everything is painted twice

    def readout(self, at: float) -> tuple[float, str] | None:
        """(place on the bottom axis, words) of what is nearest to `at`; None where there is nothing to say."""
        return None

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Leave the wheel to the page that the chart stands in."""
        event.ignore()

    def leaveEvent(self, event: QEvent) -> None:
        """Take the read-out away."""
        self._readout.hide()
        self._cursor.hide()
        super().leaveEvent(event)

    def _lay_out(self) -> None:
        whole, grid = pg.GraphicsWidget(), QGraphicsGridLayout()
        grid.setContentsMargins(0, 8, 14, 0)
        grid.setSpacing(0)
        grid.addItem(self.box, 0, 1)
        grid.setRowStretchFactor(0, 1)
        grid.setColumnStretchFactor(1, 1)
        for axis, row, column in ((self.value_axis, 0, 0), (self.bottom_axis, 1, 1)):
            grid.addItem(axis, row, column)
            axis.linkToView(self.box)
        whole.setLayout(grid)
        self.setCentralItem(whole)

    def _on_moved(self, place: QPointF) -> None:
        box = self.box
        found = self.readout(box.mapSceneToView(place).x()) if box.sceneBoundingRect().contains(place) else None
        self._readout.setVisible(found is not None)
        self._cursor.setVisible(found is not None)
        if found is None:
            return
        at, words = found
        self._cursor.setPos(at)
        self._readout.setText(words)
        self._readout.adjustSize()
        left = self.mapFromScene(box.mapViewToScene(QPointF(at, 0))).x() + 8
        if left + self._readout.width() > self.width():
            left -= self._readout.width() + 16
        self._readout.move(max(0, left), 2)


class TimePlot(Plot):
    """A chart over time. Times are epoch seconds, rising; NaN values are gaps, shaded and never joined.

    What is shown is the `span` that a series is given with (its end is labelled "now"), else its first to last time.
    """

    def __init__(self, name: str, scale: Scale, parent: QWidget | None = None) -> None:
        super().__init__(name, scale, TimeAxis(), parent)
        self._span: Span | None = None
        self._shades: list[tuple[QGraphicsRectItem, pg.TextItem]] = []
        self.times: Floats = np.empty(0)
        self.series: list[Floats] = []
        self.names: list[str] = []
        self.box.sigResized.connect(self._place_labels)

    def span(self) -> Span:
        """What is shown."""
        if self._span is not None:
            return self._span
        return (float(self.times[0]), float(self.times[-1])) if len(self.times) > 1 else (0.0, 1.0)

    def take(self, times: Floats, series: Sequence[Floats], names: Sequence[str], span: Span | None) -> None:
        """Keep the arrays for read-out, range and gaps; children draw them."""
        self._span = span
        self.times = np.asarray(times, dtype=float)
        self.series = [np.asarray(values, dtype=float) for values in series]
        self.names = list(names)
        self._show_range()
        self._describe()

    def limits(self) -> tuple[float, float]:
        """Lowest and highest value shown: 0 to a little over the greatest."""
        tops = [float(np.fmax.reduce(values)) for values in self.series if len(values)]
        return 0.0, max((top for top in tops if not math.isnan(top)), default=0.0) * 1.06 or 1.0

    def shaded(self) -> list[tuple[float, float]]:
        """Stretches of time that are shaded as not recorded."""
        if not self.series:
            return gaps(np.empty(0), np.empty(0), *self.span())
        known = self.series[0] if len(self.series) == 1 else np.fmax.reduce(self.series)
        return gaps(self.times, known, *self.span())

    def readout(self, at: float) -> tuple[float, str] | None:
        """Time and figures of the sample nearest to `at`."""
        if not len(self.times):
            return None
        nearest = int(np.argmin(np.abs(self.times - at)))
        moment, (start, end) = float(self.times[nearest]), self.span()
        figures = (self._figure(name, values[nearest]) for name, values in zip(self.names, self.series, strict=True))
        return moment, "   ".join((moment_label(moment, end - start), *figures))

    def restyle(self) -> None:
        """Colours of axes and shades."""
        super().restyle()
        for shade in self._shades:
            _color(*shade)

    def _figure(self, name: str, value: float) -> str:
        words = tr(NOT_RECORDED) if np.isnan(value) else self.scale_words.words(float(value))
        return f"{name} {words}" if len(self.names) > 1 else words

    def _show_range(self) -> None:
        start, end = self.span()
        low, high = self.limits()
        self.show_range((start, max(end, start + 1)), (low, high))
        self._shade(low, high)

    def _shade(self, low: float, high: float) -> None:
        wanted = self.shaded()
        while len(self._shades) > len(wanted):
            for item in self._shades.pop():
                self.box.removeItem(item)
        while len(self._shades) < len(wanted):
            rect, label = QGraphicsRectItem(), pg.TextItem(tr(NOT_RECORDED), anchor=(0.5, 0.5))
            rect.setPen(QPen(Qt.PenStyle.NoPen))
            rect.setZValue(-50)
            label.setFont(fonts.text_font(11))
            self.add(rect)
            self.add(label)
            _color(rect, label)
            self._shades.append((rect, label))
        for (rect, label), (start, end) in zip(self._shades, wanted, strict=True):
            rect.setRect(start, low, end - start, high - low)
            label.setPos((start + end) / 2, low + (high - low) / 2)
        self._place_labels()

    def _place_labels(self) -> None:
        if not self._shades:
            return
        per_px = self.box.viewPixelSize()[0]
        for rect, label in self._shades:
            label.setVisible(rect.rect().width() > _GAP_LABEL_PX * per_px)

    def _describe(self) -> None:
        last = [self._figure(n, v[-1]) for n, v in zip(self.names, self.series, strict=True) if len(v)]
        self.setAccessibleDescription(", ".join(last) or tr(NOT_RECORDED))


def _color(shade: QGraphicsRectItem, label: pg.TextItem) -> None:
    """Take the colours in force."""
    shade.setBrush(QBrush(theme.color("control", 36)))
    label.setColor(theme.color("text2"))
