"""What expires when: bars of entries by the time they have left, stale ones first."""

from collections.abc import Sequence

import pyqtgraph as pg
from PySide6.QtCore import Qt
from PySide6.QtGui import QBrush, QColor, QPen
from PySide6.QtWidgets import QWidget

from cache_studio.gui.look import theme
from cache_studio.gui.look.colors import urgency
from cache_studio.gui.look.text import tr
from cache_studio.gui.plots.axes import WordAxis
from cache_studio.gui.plots.base import Plot
from cache_studio.gui.plots.series import EXPIRY_BOUNDS, Scale, bound_label, count_label
from cache_studio.model.units import format_count


class ExpiryPlot(Plot):
    """A bar for the stale entries, then one for each bin of time left, in the colour of its urgency."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(tr("What expires when"), Scale(count_label, format_count), WordAxis(), parent)
        self._shown: object = None
        self._states: list[str] = []
        self._counts: list[int] = []
        self._words: list[str] = []
        self._bars = pg.BarGraphItem(x=[], height=[], width=0.72)
        self.add(self._bars)
        self.set_counts(0, [0] * len(EXPIRY_BOUNDS))
        self.restyle()

    def set_counts(self, stale: int, counts: Sequence[int], bounds: Sequence[float] = EXPIRY_BOUNDS) -> None:
        """`counts[i]` entries expire before `bounds[i]` seconds and not before the bound before it."""
        shown = (stale, tuple(counts), tuple(bounds))
        if shown == self._shown:
            return
        self._shown = shown
        used = max((at + 1 for at, count in enumerate(counts) if count), default=1)
        bounds, counts = list(bounds)[:used], list(counts)[:used]
        floors = [0.0, *bounds[:-1]]
        self._states = ["stale", *(_bar_state(bound) for bound in bounds)]
        self._counts = [stale, *counts]
        pairs = zip(floors, bounds, strict=True)
        spans = (f"{bound_label(low) if low else tr('now')} {tr('to')} {bound_label(high)}" for low, high in pairs)
        self._words = [tr("stale"), *spans]
        self.bottom_axis.set_words([tr("stale"), *(bound_label(bound) for bound in bounds)])
        top = max(self._counts) * 1.06 or 1.0
        size = (-0.6, len(self._counts) - 0.4)
        self.show_range(size, (0.0, top))
        said = (f"{words}: {format_count(count)}" for words, count in zip(self._words, self._counts, strict=True))
        self.setAccessibleDescription("; ".join(said))
        self._draw()

    def readout(self, at: float) -> tuple[float, str] | None:
        """Span and count of the bar under the pointer."""
        bar = round(at)
        if not 0 <= bar < len(self._counts):
            return None
        return float(bar), f"{self._words[bar]}   {format_count(self._counts[bar])}"

    def states(self) -> list[str]:
        """State of each bar from left to right, the stale one first."""
        return list(self._states)

    def restyle(self) -> None:
        """Colours in force."""
        super().restyle()
        self._draw()

    def _draw(self) -> None:
        colors = theme.colors()
        brushes = [QBrush(QColor(getattr(colors, state).bar)) for state in self._states]
        self._bars.setOpts(
            x=list(range(len(self._counts))), height=self._counts, brushes=brushes, pen=QPen(Qt.PenStyle.NoPen)
        )


def _bar_state(bound: float) -> str:
    """The state of entries just before `bound`; "last" has no bar colour of its own and counts as urgent."""
    state = urgency(min(bound, 1e9) - 1e-3)
    return "urgent" if state.value == "last" else state.value
