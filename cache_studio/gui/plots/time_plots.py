"""The charts over time: hit rate, areas (volume, entries), churn."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtGui import QBrush, QColor, QPen
from PySide6.QtWidgets import QGraphicsLineItem, QWidget

from cache_studio.gui.look import theme
from cache_studio.gui.look.text import tr
from cache_studio.gui.plots.base import Span, TimePlot
from cache_studio.gui.plots.series import Floats, Scale, count_label, percent_label, rate_label, size_label, spacing
from cache_studio.gui.plots.shapes import Bars, Dot, RunLine
from cache_studio.model.units import format_count, format_size

PERCENT = Scale(percent_label, lambda value: f"{value:.1f} %", (20.0, 50.0))
SIZE = Scale(size_label, format_size)
COUNT = Scale(count_label, format_count)
PER_MINUTE = Scale(rate_label, lambda value: f"{value:,.0f}/min")


@dataclass(frozen=True, slots=True)
class Layer:
    """One area of an AreaPlot: its words and its colour role (or TTL state, for its bar colour)."""

    name: str
    role: str


VOLUME_LAYERS = (Layer("total", "accent"), Layer("reclaimable", "stale"))
ENTRY_LAYERS = (Layer("fresh", "fresh"), Layer("stale", "stale"))


class HitRatePlot(TimePlot):
    """Hit rate per interval, 0 to 100 %, with the target as a dashed line and a dot at the newest value."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(tr("Hit rate per interval"), PERCENT, parent)
        self.line = RunLine(self, "accent", 30)
        self._target: float | None = None
        self.target_line = QGraphicsLineItem()
        self.target_line.setZValue(20)
        self.add(self.target_line)
        self._dot = Dot()
        self.add(self._dot)
        self.set_series(np.empty(0), np.empty(0))
        self.restyle()

    def set_target(self, rate: float | None) -> None:
        """The target hit rate (0 to 1); None without one."""
        self._target = rate
        self._draw_target()

    def set_series(self, times: Floats, rates: Floats, span: Span | None = None) -> None:
        """Hit rates of 0 to 1 at epoch seconds; NaN where nothing was recorded."""
        values = np.asarray(rates, dtype=float) * 100
        self.take(times, [values], [tr("hit rate")], span)
        self.line.set_values(self.times, values)
        self._draw_target()
        self._dot.setVisible(bool(len(values)) and not np.isnan(values[-1]))
        if self._dot.isVisible():
            self._dot.setPos(self.times[-1], values[-1])

    def limits(self) -> tuple[float, float]:
        """Always the whole scale."""
        return 0.0, 100.0

    def restyle(self) -> None:
        """Colours in force."""
        super().restyle()
        self.line.restyle()
        dashes = QPen(QColor(theme.colors().soon.bar), 0, Qt.PenStyle.CustomDashLine)
        dashes.setDashPattern([8, 4])
        self.target_line.setPen(dashes)
        self._dot.setBrush(QBrush(theme.color("accent")))
        self._dot.setPen(QPen(theme.color("surface"), 0))

    def _draw_target(self) -> None:
        self.target_line.setVisible(self._target is not None)
        if self._target is not None:
            (start, end), height = self.span(), self._target * 100
            self.target_line.setLine(start, height, end, height)


class AreaPlot(TimePlot):
    """Areas over each other from 0: total and reclaimable volume, fresh and stale entries."""

    def __init__(self, name: str, layers: Sequence[Layer], scale: Scale, parent: QWidget | None = None) -> None:
        super().__init__(name, scale, parent)
        self.layers = tuple(layers)
        self.lines = [RunLine(self, layer.role, 36 if at == 0 else 90) for at, layer in enumerate(self.layers)]
        self.set_series(np.empty(0), [np.empty(0) for _ in self.layers])
        self.restyle()

    def set_series(self, times: Floats, values: Sequence[Floats], span: Span | None = None) -> None:
        """One array for each layer; NaN where nothing was recorded."""
        self.take(times, values, [tr(layer.name) for layer in self.layers], span)
        for line, series in zip(self.lines, self.series, strict=True):
            line.set_values(self.times, series)

    def restyle(self) -> None:
        """Colours in force."""
        super().restyle()
        for line in self.lines:
            line.restyle()


class ChurnPlot(TimePlot):
    """Entries stored (bars up) and removed (bars down) per minute."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(tr("Churn"), PER_MINUTE, parent)
        self.stored, self.removed = Bars(self, "fresh"), Bars(self, "control")
        self.set_series(np.empty(0), np.empty(0), np.empty(0))
        self.restyle()

    def set_series(self, times: Floats, stored: Floats, removed: Floats, span: Span | None = None) -> None:
        """Both per minute and not negative; NaN where nothing was recorded."""
        self.take(times, [stored, removed], [tr("stored"), tr("removed")], span)
        width = spacing(self.times) * 0.7 or 1.0
        self.stored.set_values(self.times, self.series[0], width)
        self.removed.set_values(self.times, -self.series[1], width)

    def limits(self) -> tuple[float, float]:
        """The same room above and below 0."""
        _, high = super().limits()
        return -high, high

    def restyle(self) -> None:
        """Colours in force."""
        super().restyle()
        for bars in (self.stored, self.removed):
            bars.restyle()


def volume_plot(parent: QWidget | None = None) -> AreaPlot:
    """Volume in bytes: total and reclaimable."""
    return AreaPlot(tr("Volume"), VOLUME_LAYERS, SIZE, parent)


def entries_plot(parent: QWidget | None = None) -> AreaPlot:
    """Entries: fresh and stale."""
    return AreaPlot(tr("Entries"), ENTRY_LAYERS, COUNT, parent)
