"""The charts of the Dashboard in their cards. Imports pyqtgraph: nothing that the first paint needs may import this."""

from dataclasses import astuple

import numpy as np
from PySide6.QtCore import Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QGridLayout, QWidget

from cache_studio.gui.dashboard.board import NAMESPACES, Board
from cache_studio.gui.dashboard.misses_card import MissesCard
from cache_studio.gui.dashboard.requests_card import RequestsCard
from cache_studio.gui.dashboard.table_card import TableCard
from cache_studio.gui.dashboard.words import level_lines, rate_source
from cache_studio.gui.look.text import tr
from cache_studio.gui.plots.base import TimePlot
from cache_studio.gui.plots.expiry_plot import ExpiryPlot
from cache_studio.gui.plots.series import EXPIRY_BOUNDS
from cache_studio.gui.plots.time_plots import ChurnPlot, HitRatePlot, entries_plot, volume_plot
from cache_studio.gui.widgets.bar_list import BarList, namespace_bars
from cache_studio.gui.widgets.cards import Card

_WIDE = 1060
_BIG, _SMALL = 250, 220
_EMPTY = np.empty(0)


class Charts(QWidget):
    """All charts; two columns where there is no room for four.

    Signals:
        announce_requested(): let the server announce changes and misses.
    """

    announce_requested = Signal()

    def __init__(self, target: float) -> None:
        super().__init__()
        self.rate, self.fills = HitRatePlot(), ChurnPlot()
        self.rate.set_target(target)
        self.volume, self.entries, self.churn, self.expiry = volume_plot(), entries_plot(), ChurnPlot(), ExpiryPlot()
        self.namespaces = BarList(tr("Biggest namespaces"))
        target_words = tr("target {rate} %").format(rate=f"{target * 100:.0f}")
        rate_legend = (("accent", tr("hit rate")), ("soon", target_words), ("control", tr("nothing recorded")))
        churn_legend = (("fresh", tr("stored")), ("control", tr("removed")))
        total_legend = (("accent", tr("total")), ("stale", tr("reclaimable")))
        state_legend, bar_legend = _two("fresh", "stale"), (("accent", tr("fresh")), ("stale", tr("stale")))
        self.rate_card = _card(tr("Hit rate per interval"), self.rate, rate_legend, _BIG)
        self.fills_card = _card(tr("Stored and removed per interval"), self.fills, churn_legend, _BIG)
        self.names_card = _card(tr("Biggest namespaces"), self.namespaces, bar_legend, _BIG)
        self.names_card.body.addStretch(1)
        self.volume_card = _card(tr("Volume"), self.volume, total_legend, _SMALL)
        self.entries_card = _card(tr("Entries"), self.entries, state_legend, _SMALL)
        self.churn_card = _card(tr("Churn"), self.churn, churn_legend, _SMALL)
        self.expiry_card = _card(tr("What expires when"), self.expiry, (), _SMALL)
        self.requests_card = RequestsCard()
        self.misses_card = MissesCard()
        self.misses_card.announce_requested.connect(self.announce_requested)
        self.levels_card = TableCard(
            tr("Levels of the running cache"),
            (tr("level"), tr("entries"), tr("lookups"), tr("hits"), tr("hit rate"), tr("mean lookup"), tr("evicted")),
        )
        for card, source in (
            (self.fills_card, "derived"),
            (self.names_card, "recorded"),
            (self.volume_card, "sampled"),
            (self.entries_card, "recorded"),
            (self.churn_card, "derived"),
        ):
            card.set_source(tr(source))
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(16)
        self._has_rate = True
        self._layout_now: tuple[bool, bool] | None = None
        self._arrange()

    def show_board(self, board: Board) -> None:
        """Draw everything anew."""
        series = board.series
        span = (board.since, board.until)
        if series is None:
            self.rate.set_series(_EMPTY, _EMPTY, span)
            self.volume.set_series(_EMPTY, [_EMPTY, _EMPTY], span)
            self.entries.set_series(_EMPTY, [_EMPTY, _EMPTY], span)
        else:
            self.rate.set_series(series.times, series.hit_rate, span)
            self.volume.set_series(series.times, [series.volume, series.reclaimable], span)
            self.entries.set_series(series.times, [series.fresh, series.stale], span)
        churn = self.churn if board.has_rate else self.fills  # the other one is hidden
        churn.set_series(*board.churn(), span)
        self.expiry.set_counts(board.stale, board.expiry or [0] * len(EXPIRY_BOUNDS))
        rows = [
            (group.name or tr("no namespace"), group.entries, group.size, group.stale_size)
            for group in board.namespaces[:NAMESPACES]
        ]
        self.namespaces.set_bars(namespace_bars(rows))
        self.rate_card.set_source(rate_source(board))
        sources = board.standing.sources
        self.expiry_card.set_source(tr(sources["expires"].value if "expires" in sources else "recorded"))
        self.requests_card.show_requests(board.standing.details)
        self.misses_card.show_standing(board.standing)
        self.levels_card.show_lines([astuple(line) for line in level_lines(board.standing.details)])
        self._has_rate = board.has_rate
        self._arrange()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Four columns or two."""
        super().resizeEvent(event)
        self._arrange()

    def time_plots(self) -> list[TimePlot]:
        """All charts over time."""
        return [self.rate, self.fills, self.volume, self.entries, self.churn]

    def _arrange(self) -> None:
        wanted = (self.width() >= _WIDE, self._has_rate)
        if wanted == self._layout_now:
            return
        self._layout_now = wanted
        wide, has_rate = wanted
        self.rate_card.setVisible(has_rate)
        self.fills_card.setVisible(not has_rate)
        self.churn_card.setVisible(has_rate)
        big = self.rate_card if has_rate else self.fills_card
        small = [self.volume_card, self.entries_card, *([self.churn_card] if has_rate else []), self.expiry_card]
        tables = (self.misses_card, self.requests_card, self.levels_card)
        for card in (big, self.names_card, *small, *tables):
            self._grid.removeWidget(card)
        if wide:
            self._grid.addWidget(big, 0, 0, 1, 8)
            self._grid.addWidget(self.names_card, 0, 8, 1, 4)
            share = 12 // len(small)
            places = [(1, at * share, 1, share) for at in range(len(small))]
        else:
            self._grid.addWidget(big, 0, 0, 1, 12)
            small.append(self.names_card)
            places = [(1 + at // 2, at % 2 * 6, 1, 6) for at in range(len(small))]
            if len(small) % 2:  # the last one is alone in its row
                places[-1] = (*places[-1][:3], 12)
        for card, place in zip(small, places, strict=True):
            self._grid.addWidget(card, *place)
        for at, card in enumerate(tables, places[-1][0] + 1):
            self._grid.addWidget(card, at, 0, 1, 12)
        for column in range(12):
            self._grid.setColumnStretch(column, 1)
        for row in range(self._grid.rowCount()):
            self._grid.setRowStretch(row, 6 if row == 0 else 5 if row <= places[-1][0] else 0)


def _two(*names: str) -> tuple[tuple[str, str], ...]:
    return tuple((name, tr(name)) for name in names)


def _card(title: str, content: QWidget, legend: tuple[tuple[str, str], ...], height: int) -> Card:
    card = Card(title, "", legend)
    card.setMinimumHeight(height)
    card.body.addWidget(content)
    return card
