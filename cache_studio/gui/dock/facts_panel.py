"""The facts of an entry: key with copy, the ticking TTL, lines with their sources, tags, what is wrong with it."""

import math
import time
from collections.abc import Callable, Mapping, Sequence

from PySide6.QtCore import QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QHideEvent, QPainter, QPaintEvent, QShowEvent
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from cache_studio.gui.dock.facts import FactLine, fact_lines, own_lines, source_words, ttl_share
from cache_studio.gui.look import fonts, theme
from cache_studio.gui.look.text import display_text, plain_label, set_tooltip, tr
from cache_studio.gui.widgets.buttons import IconButton
from cache_studio.gui.widgets.painting import (
    CHIP_HEIGHT,
    PILL_HEIGHT,
    chip_width,
    draw_chip,
    draw_pill,
    pill_look,
    ttl_words,
)
from cache_studio.model.entries import Entry
from cache_studio.model.payload import Fact
from cache_studio.model.seeing import Source

_NAME_WIDTH = 72
_PILL_WIDTH = 108
_KEY_SHOWN = 600
_VALUE_SHOWN = 300


class TtlPill(QWidget):
    """The TTL of one entry as a pill that ticks once a second while it is on screen."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        super().__init__()
        self._clock = clock
        self._entry: Entry | None = None
        self._timer = QTimer(self)
        self._timer.setInterval(1000)
        self._timer.timeout.connect(self.tick)
        self.setFixedSize(QSize(_PILL_WIDTH, PILL_HEIGHT))
        theme.theme().changed.connect(self.update)

    def show_entry(self, entry: Entry | None) -> None:
        """Tick for another entry."""
        self._entry = entry
        self.tick()

    def tick(self) -> None:
        """Draw what is left now."""
        self.setAccessibleName(self.words())
        self.update()

    def words(self) -> str:
        """The words in the pill."""
        return ttl_words(self._ttl())

    def showEvent(self, event: QShowEvent) -> None:
        """Tick on screen only."""
        self._timer.start()

    def hideEvent(self, event: QHideEvent) -> None:
        """Rest off screen."""
        self._timer.stop()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the pill; where nothing is recorded its words stand at the left like other figures."""
        if self._entry is None:
            return
        painter = QPainter(self)
        share = ttl_share(self._entry, self._clock())
        box = QRectF(self.rect())
        if self._entry.expires_at is None:
            painter.setPen(theme.color("text2"))
            painter.setFont(fonts.text_font(12))
            painter.drawText(box, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, self.words())
        else:
            draw_pill(painter, box, pill_look(self._ttl(), share))
        painter.end()

    def _ttl(self) -> float:
        ttl = None if self._entry is None else self._entry.ttl(self._clock())
        return math.nan if ttl is None else ttl


class TagRow(QWidget):
    """Tags as chips; those without room are counted, and the tooltip names all."""

    _GAP = 6

    def __init__(self, tags: Sequence[str]) -> None:
        super().__init__()
        self._tags = [display_text(tag, 60) for tag in tags]
        self.setFixedHeight(CHIP_HEIGHT)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(", ".join(self._tags))
        set_tooltip(self, ", ".join(self._tags))
        theme.theme().changed.connect(self.update)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the chips from left to right."""
        painter = QPainter(self)
        font, left = fonts.text_font(11), 0.0
        ground, color = theme.color("hover"), theme.color("text2")
        for at, tag in enumerate(self._tags):
            width, rest = chip_width(tag, font), len(self._tags) - at
            more = f"+{rest}"
            room = self.width() - left - (chip_width(f"+{rest - 1}", font) + self._GAP if rest > 1 else 0)
            fits = width <= room or at == 0
            text, taken = (tag, min(width, self.width() - left)) if fits else (more, chip_width(more, font))
            draw_chip(painter, QRectF(left, 0, taken, CHIP_HEIGHT), text, font, ground, color)
            left += taken + self._GAP
            if not fits:
                break
        painter.end()


class FactsPanel(QWidget):
    """Facts of the entry that is shown.

    Signals:
        copy_requested(): the key is to be copied.
    """

    copy_requested = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._entry: Entry | None = None
        self._sources: Mapping[str, Source] = {}
        self._facts: tuple[Fact, ...] = ()
        self._key = plain_label("", "mono")
        self._key.setWordWrap(True)
        self._key.setAccessibleName(tr("Key"))
        self._copy = IconButton("copy", tr("Copy the key"))
        self._copy.clicked.connect(self.copy_requested)
        self._problem = plain_label("", "small")
        self._problem.setProperty("tone", "bad")
        self._problem.setWordWrap(True)
        self.pill = TtlPill()
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(8)
        self._grid.setVerticalSpacing(8)
        self._grid.setColumnMinimumWidth(0, _NAME_WIDTH)
        self._grid.setColumnStretch(1, 1)
        self._shown: list[QWidget] = []
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(self._key, 1)
        head.addWidget(self._copy, 0, Qt.AlignmentFlag.AlignTop)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 14, 12, 14)
        layout.setSpacing(12)
        layout.addLayout(head)
        layout.addWidget(self._problem)
        layout.addLayout(self._grid)
        layout.addStretch(1)

    def show_entry(self, entry: Entry, sources: Mapping[str, Source]) -> None:
        """Show what the columns say; the format's own facts come with `show_facts`."""
        if self._entry is None or self._entry.id != entry.id:
            self._facts = ()
        self._entry, self._sources = entry, sources
        self._key.setText(wrappable(display_text(entry.key, _KEY_SHOWN)))
        self._problem.setText(display_text(entry.problem, _VALUE_SHOWN))
        self._problem.setVisible(bool(entry.problem))
        self.pill.show_entry(entry)
        self._fill()

    def show_facts(self, facts: Sequence[Fact]) -> None:
        """Add the format's own facts of the entry that is shown."""
        if tuple(facts) != self._facts:
            self._facts = tuple(facts)
            self._fill()

    def lines(self) -> list[tuple[str, str, str]]:
        """Name, figure and source of each line as shown, without TTL and tags."""
        return [(line.name, display_text(line.value, _VALUE_SHOWN), line.source) for line in self._lines()]

    def _lines(self) -> list[FactLine]:
        if self._entry is None:
            return []
        return fact_lines(self._entry, self._sources) + own_lines(self._facts)

    def _fill(self) -> None:
        entry = self._entry
        if entry is None:
            return
        self._grid.removeWidget(self.pill)
        for widget in self._shown:
            self._grid.removeWidget(widget)
            widget.hide()
            widget.deleteLater()
        self._shown = []
        known = entry.expires_at is not None
        self._add(0, tr("TTL"), self.pill, source_words("expires", self._sources) if known else "")
        for at, line in enumerate(self._lines(), start=1):
            self._add(at, line.name, _figure(line), line.source)
        row = len(self._lines()) + 1
        if entry.tags is None:
            self._add(row, tr("Tags"), _figure(FactLine("", tr("not recorded"))), "")
        else:
            tags = TagRow(entry.tags) if entry.tags else _figure(FactLine("", tr("none"), "recorded"))
            self._add(row, tr("Tags"), tags, source_words("tags", self._sources))

    def _add(self, row: int, name: str, figure: QWidget, source: str) -> None:
        title, origin = plain_label(display_text(name, 80), "note"), plain_label(source, "source")
        for column, widget in enumerate((title, figure, origin)):
            right = Qt.AlignmentFlag.AlignRight if column == 2 else Qt.AlignmentFlag(0)
            place = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter if widget is self.pill else right
            self._grid.addWidget(widget, row, column, place)
            widget.show()
            if widget is not self.pill:
                self._shown.append(widget)


def _figure(line: FactLine) -> QLabel:
    label = plain_label(display_text(line.value, _VALUE_SHOWN), "small" if line.source else "note")
    label.setWordWrap(True)
    label.setMinimumWidth(40)
    label.setText(wrappable(label.text()))
    return label


def wrappable(text: str) -> str:
    """The same text with places where a label may break it: nothing else wraps a key without spaces."""
    return "\u200b".join(text[at : at + 8] for at in range(0, len(text), 8)) if len(text) > 20 else text
