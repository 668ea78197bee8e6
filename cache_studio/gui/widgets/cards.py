"""Cards: the frame, the figure with its source, the legend of a chart."""

from collections.abc import Sequence

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QFrame, QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from cache_studio.gui.look import theme
from cache_studio.gui.look.colors import Pill
from cache_studio.gui.look.style_sheet import restyle
from cache_studio.gui.look.text import plain_label, tr
from cache_studio.model.units import NOT_RECORDED

_FIGURE_HEIGHT = 30
"""Kept where a figure is not recorded, so that cards beside each other stay in line."""


def role_color(name: str) -> str:
    """`#RRGGBB` of a colour role, or of the bar of a TTL state such as "stale"."""
    value = getattr(theme.colors(), name)
    return value.bar if isinstance(value, Pill) else str(value)


def text_color(name: str) -> str:
    """`#RRGGBB` of a colour role, or of the text of a TTL state such as "stale"."""
    value = getattr(theme.colors(), name)
    return value.text if isinstance(value, Pill) else str(value)


class LegendMark(QWidget):
    """The small square in the colour of a series."""

    def __init__(self, role: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._role = role
        self.setFixedSize(QSize(10, 10))
        theme.theme().changed.connect(self.update)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the square."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(role_color(self._role)))
        painter.drawRoundedRect(QRectF(self.rect()), 3, 3)
        painter.end()


class Card(QFrame):
    """A card with a title at the left, a legend beside it and the source of its figures at the right.

    `legend` is a sequence of (colour role, words). Put content into `body`.
    """

    def __init__(
        self,
        title: str,
        source: str = "",
        legend: Sequence[tuple[str, str]] = (),
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setProperty("ground", "card")
        self.setAccessibleName(title)
        self._title = plain_label(title, "title")
        self._source = plain_label(source, "source")
        head = QHBoxLayout()
        head.setSpacing(6)
        head.addWidget(self._title)
        for role, words in legend:
            head.addSpacing(2)
            head.addWidget(LegendMark(role))
            head.addWidget(plain_label(words, "note"))
        head.addStretch(1)
        head.addWidget(self._source)
        self.body = QVBoxLayout()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 14, 16, 12)
        layout.setSpacing(10)
        layout.addLayout(head)
        layout.addLayout(self.body, 1)

    def set_source(self, source: str) -> None:
        """Say where the figures come from: recorded, derived, sampled."""
        self._source.setText(source)


class DropFrame(QFrame):
    """A card with a dashed outline, in the accent while something is held over it (`set_active`)."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._active = False
        self.setAccessibleName(name)
        theme.theme().changed.connect(self.update)

    def set_active(self, active: bool) -> None:
        """Say whether something that can be dropped is held over it."""
        self._active = active
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw ground and outline."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        pen = QPen(theme.color("accent" if self._active else "control"), 1.2)
        pen.setDashPattern([6, 4])
        painter.setPen(pen)
        painter.setBrush(theme.color("accent_soft" if self._active else "surface"))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), 12, 12)
        painter.end()


class FigureCard(QFrame):
    """One figure: what it is, where it comes from, the figure with its unit, and one line below it."""

    def __init__(self, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("ground", "card")
        self._title = plain_label(title, "label")
        self._source = plain_label("", "source")
        self._figure = plain_label("", "figure")
        self._unit = plain_label("", "note")
        self._note = plain_label("", "note")
        self._unit.setContentsMargins(0, 0, 0, 3)
        self._figure.setFixedHeight(_FIGURE_HEIGHT)
        head, middle = QHBoxLayout(), QHBoxLayout()
        head.addWidget(self._title)
        head.addStretch(1)
        head.addWidget(self._source)
        middle.setSpacing(5)
        middle.addWidget(self._figure)
        middle.addWidget(self._unit, 1, Qt.AlignmentFlag.AlignBottom)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 10, 16, 10)
        layout.setSpacing(2)
        layout.addLayout(head)
        layout.addLayout(middle)
        layout.addWidget(self._note)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.set_figure(None)

    def set_title(self, title: str) -> None:
        """Say what the figure is."""
        self._title.setText(title)
        self._speak()

    def set_figure(self, figure: str | None, unit: str = "", source: str = "") -> None:
        """Show `figure` (already formatted) with its unit and source; None is "not recorded"."""
        known = figure is not None
        restyle(self._figure, "role", "figure" if known else "heading")
        self._figure.setText(figure if figure is not None else tr(NOT_RECORDED))
        self._unit.setText(unit if known else "")
        self._source.setText(source if known else "")
        self._speak()

    def set_note(self, note: str, tone: str = "plain") -> None:
        """The line below: `tone` is a name of `style_sheet.TONES` and colours what the words say."""
        self._note.setText(note)
        restyle(self._note, "tone", tone)
        self._speak()

    def figure_text(self) -> str:
        """The figure with its unit, as shown."""
        return f"{self._figure.text()} {self._unit.text()}".strip()

    def _speak(self) -> None:
        parts = (self._title.text(), self.figure_text(), self._source.text(), self._note.text())
        self.setAccessibleName(", ".join(part for part in parts if part))
