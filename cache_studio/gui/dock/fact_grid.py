"""Lines of name, figure and source below each other, as the facts of an entry are drawn."""

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QLabel, QWidget

from cache_studio.decoding.views.lines import Line
from cache_studio.gui.dock.facts_panel import wrappable
from cache_studio.gui.look.style_sheet import restyle
from cache_studio.gui.look.text import display_text, plain_label, tr

_NAME_WIDTH = 84
_LONGEST = 300


class FactGrid(QWidget):
    """Shows lines; the same names again only change their figures, so that it may tick."""

    def __init__(self) -> None:
        super().__init__()
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(8)
        self._grid.setVerticalSpacing(6)
        self._grid.setColumnMinimumWidth(0, _NAME_WIDTH)
        self._grid.setColumnStretch(1, 1)
        self._names: tuple[str, ...] = ()
        self._rows: list[tuple[QLabel, QLabel, QLabel]] = []

    def show_lines(self, lines: Sequence[Line]) -> None:
        """Show these lines."""
        names = tuple(line.name for line in lines)
        if names != self._names:
            self._make_rows(names)
        for (_, figure, source), line in zip(self._rows, lines, strict=True):
            text = wrappable_words(display_text(line.value, _LONGEST))
            if figure.text() != text:
                figure.setText(text)
            restyle(figure, "role", "small" if line.source else "note")
            source.setText(tr(line.source) if line.source else "")

    def texts(self) -> list[tuple[str, str, str]]:
        """What is shown: name, figure and source of each line."""
        return [
            (name.text(), figure.text().replace("\u200b", ""), source.text()) for name, figure, source in self._rows
        ]

    def _make_rows(self, names: tuple[str, ...]) -> None:
        for row in self._rows:
            for label in row:
                self._grid.removeWidget(label)
                label.hide()
                label.deleteLater()
        self._names, self._rows = names, []
        top = Qt.AlignmentFlag.AlignTop
        for at, name in enumerate(names):
            labels = (plain_label(tr(name), "note"), plain_label("", "small"), plain_label("", "source"))
            labels[1].setWordWrap(True)
            labels[1].setMinimumWidth(40)
            self._grid.addWidget(labels[0], at, 0, top)
            self._grid.addWidget(labels[1], at, 1, top)
            self._grid.addWidget(labels[2], at, 2, top | Qt.AlignmentFlag.AlignRight)
            self._rows.append(labels)


def wrappable_words(text: str) -> str:
    """Text that wraps between its words, and within a word only where that is long."""
    return " ".join(wrappable(word) for word in text.split(" "))
