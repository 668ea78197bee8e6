"""The TTL column: pills that say how long is left."""

import time

from PySide6.QtCore import QObject, QRectF, QTimer
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QAbstractItemView

from cache_studio.gui.look import theme
from cache_studio.gui.look.colors import Urgency
from cache_studio.gui.widgets.cells import CELL_PAD, Index, RowDelegate, RowState, value_of
from cache_studio.gui.widgets.painting import PillLook, draw_pill, pill_look, ttl_words
from cache_studio.gui.widgets.roles import Role

MINIMUM_WIDTH = 104
"""The TTL column never goes under this."""
_PERIOD = 2.0
_FRAME_MS = 100


def pulse(clock: float) -> float:
    """The slow pulse at a time in seconds: 0 to 1 and back in two seconds; 0 with reduced motion."""
    if theme.theme().reduced_motion:
        return 0.0
    phase = clock % _PERIOD / _PERIOD
    return 2 * phase if phase < 0.5 else 2 - 2 * phase


class TtlDelegate(RowDelegate):
    """Draws Role.TTL and Role.TTL_SHARE as a pill.

    While a pill in its last 30 s is on screen it asks the view to draw again, ten times a second; no timer
    runs otherwise. The model ticks by emitting dataChanged, or the panel by updating the viewport.
    """

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._again: set[QAbstractItemView] = set()
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_FRAME_MS)
        self._timer.timeout.connect(self._draw_again)

    def draw_cell(self, painter: QPainter, rect: QRectF, index: Index, look: object, state: RowState) -> None:
        """A pill with half the usual padding at its sides."""
        assert isinstance(look, PillLook)
        last = look.state is Urgency.LAST
        box = rect.adjusted(4 - CELL_PAD, 0, CELL_PAD - 4, 0)
        draw_pill(painter, box, look, pulse(time.monotonic()) if last else 0.0)
        if last and not theme.theme().reduced_motion and isinstance(state.view, QAbstractItemView):
            self._again.add(state.view)
            if not self._timer.isActive():
                self._timer.start()

    def text(self, index: Index) -> str:
        """The words in the pill."""
        return ttl_words(index.data(Role.TTL))

    def look(self, index: Index) -> PillLook:
        """Words, colours, and the line as far as an eye can tell."""
        ttl, share = value_of(index, Role.TTL), value_of(index, Role.TTL_SHARE)
        assert ttl is None or isinstance(ttl, float)
        return pill_look(ttl, share if isinstance(share, float) else None)

    def _draw_again(self) -> None:
        waiting, self._again = self._again, set()
        for view in waiting:
            view.viewport().update()
