"""The card of misses: by reason, by key, what a miss costs, and how to hear of them where nothing tells."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy

from cache_studio.gui.dashboard.miss_words import hears_misses, is_followed, key_lines, miss_note, reason_lines
from cache_studio.gui.dashboard.table_card import SummedGrid, TableGrid
from cache_studio.gui.look.text import plain_label, set_tooltip, tr
from cache_studio.gui.widgets.buttons import SecondaryButton
from cache_studio.gui.widgets.cards import Card
from cache_studio.services.standing import Phase, Standing


class MissesCard(Card):
    """Hidden where the cache could not tell its misses anyway.

    Signals:
        announce_requested(): let the server announce changes and misses.
    """

    announce_requested = Signal()

    def __init__(self) -> None:
        super().__init__(tr("Misses by reason"))
        self.reasons = SummedGrid((tr("reason"), tr("misses"), tr("share")))
        self.keys = TableGrid((tr("missed most often"), tr("misses"), tr("last reason")))
        tables = QHBoxLayout()
        tables.setSpacing(40)
        tables.addWidget(self.reasons, 1, Qt.AlignmentFlag.AlignTop)
        tables.addWidget(self.keys, 2, Qt.AlignmentFlag.AlignTop)
        self.note = plain_label("", "note")
        # A label that wraps makes the scroll area ask for the wished height of the charts, so lines are cut instead.
        self.note.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.button = SecondaryButton(tr("Let the server announce changes…"))
        self.button.clicked.connect(self.announce_requested)
        self.body.addLayout(tables)
        self.body.addWidget(self.note)
        self.body.addWidget(self.button, 0, Qt.AlignmentFlag.AlignLeft)
        self.hide()

    def show_standing(self, standing: Standing) -> None:
        """Show the figures of now."""
        details = standing.details
        hears = hears_misses(details)
        reasons = reason_lines(details)
        self.set_source(tr("recorded") if reasons else "")
        self.reasons.show_lines(reasons)
        self.keys.show_lines(key_lines(details))
        self.note.setText(miss_note(details))
        set_tooltip(self.note, self.note.text())
        self.button.setVisible(not hears and standing.phase in (Phase.LIVE, Phase.PAUSED))
        self.setVisible(is_followed(details))
