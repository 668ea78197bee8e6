"""A few lines of figures under column names, and a card of them."""

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QLabel, QWidget

from cache_studio.gui.look.text import plain_label, tr
from cache_studio.gui.widgets.cards import Card
from cache_studio.gui.widgets.elided_label import ElidedLabel


class TableGrid(QWidget):
    """The lines; names at the left, which give way where there is little room."""

    first_role = "small"
    """How the first line looks."""

    def __init__(self, head: Sequence[str]) -> None:
        super().__init__()
        self._names = tuple(head)
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(24)
        self._grid.setVerticalSpacing(6)
        self._grid.setColumnStretch(0, 1)
        self._labels: list[QLabel] = []

    def show_lines(self, lines: Sequence[Sequence[str]]) -> None:
        """Show these; hidden without lines."""
        texts = [text for line in (self._names, *lines) for text in line]
        while len(self._labels) > len(texts):
            label = self._labels.pop()
            self._grid.removeWidget(label)
            label.hide()  # it is drawn until the event loop deletes it
            label.deleteLater()
        while len(self._labels) < len(texts):
            self._add_label(*divmod(len(self._labels), len(self._names)))
        for label, text in zip(self._labels, texts, strict=True):
            if isinstance(label, ElidedLabel):
                label.set_words(text)
            else:
                label.setText(text)
        self.setVisible(bool(lines))

    def _add_label(self, row: int, column: int) -> None:
        role = "note" if row == 0 else self.first_role if row == 1 else "small"
        label = ElidedLabel(role) if row and not column else plain_label("", role)
        if column:
            self._grid.addWidget(label, row, column, Qt.AlignmentFlag.AlignRight)
        else:
            self._grid.addWidget(label, row, column)
        self._labels.append(label)


class SummedGrid(TableGrid):
    """The first line is the sum of the others."""

    first_role = "strong"


class TableCard(Card):
    """A card whose first line is the sum of the others."""

    def __init__(self, title: str, head: Sequence[str]) -> None:
        super().__init__(title, tr("recorded"))
        self.grid = SummedGrid(head)
        self.body.addWidget(self.grid)

    def show_lines(self, lines: Sequence[Sequence[str]]) -> None:
        """Show these; without lines the card is hidden."""
        self.grid.show_lines(lines)
        self.setVisible(bool(lines))
