"""The card of API requests: response time and cost by provider, for a period that one chooses."""

from collections.abc import Mapping
from dataclasses import astuple

from PySide6.QtCore import Qt

from cache_studio.gui.dashboard.request_words import periods, request_lines
from cache_studio.gui.dashboard.table_card import TableCard
from cache_studio.gui.look.text import tr
from cache_studio.gui.widgets.segmented import SegmentedButtons


class RequestsCard(TableCard):
    """Hidden where the cache notes no requests. The buttons are made when its periods are known."""

    def __init__(self) -> None:
        super().__init__(
            tr("API requests"),
            (
                tr("provider"),
                tr("requests"),
                tr("mean response"),
                tr("95 % within"),
                tr("cost"),
                tr("cost of one"),
            ),
        )
        self.period: SegmentedButtons | None = None
        self._details: Mapping[str, object] = {}

    def show_requests(self, details: Mapping[str, object]) -> None:
        """Show the figures of the period in force."""
        self._details = details
        named = periods(details)
        if named and self.period is None:
            self.period = SegmentedButtons(tr("Period of the requests"), named)
            self.period.choose(named[-2])
            self.period.chosen.connect(lambda _name: self._show())
            self.body.insertWidget(0, self.period, 0, Qt.AlignmentFlag.AlignLeft)
        self._show()

    def _show(self) -> None:
        lines = request_lines(self._details, self.period.current()) if self.period is not None else []
        self.show_lines([astuple(line) for line in lines])
