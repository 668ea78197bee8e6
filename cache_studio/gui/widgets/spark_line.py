"""A small line of the hit rate, for tiles and cards."""

import math
from collections.abc import Sequence

from PySide6.QtCore import QRectF, QSize
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from cache_studio.gui.look import theme
from cache_studio.gui.look.text import tr
from cache_studio.gui.widgets.painting import draw_spark
from cache_studio.model.units import NOT_RECORDED


class SparkLine(QWidget):
    """Draws values of 0 to 1 in time order; NaN is a gap and never joined, no value at all a dashed line."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._values: tuple[float, ...] = ()
        self.set_values(None)
        theme.theme().changed.connect(self.update)

    def set_values(self, values: Sequence[float] | None) -> None:
        """Show `values`; None or nothing but NaN is "not recorded"."""
        self._values = tuple(values or ())
        known = [value for value in self._values if not math.isnan(value)]
        said = f"{known[-1] * 100:.0f} %" if known else tr(NOT_RECORDED)
        self.setAccessibleName(f"{tr('Hit rate')}: {said}")
        self.update()

    def sizeHint(self) -> QSize:
        """56 by 20, as in the left panel."""
        return QSize(56, 20)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the line."""
        painter = QPainter(self)
        draw_spark(painter, QRectF(self.rect()), self._values)
        painter.end()
