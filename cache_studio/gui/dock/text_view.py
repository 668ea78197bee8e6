"""A value as text. No line is longer than 10,000 characters: Qt needs minutes to lay out one of a million."""

from PySide6.QtGui import QColor, QTextCharFormat, QTextCursor, QTextDocument
from PySide6.QtWidgets import QPlainTextEdit, QTextEdit, QWidget

from cache_studio.gui.look import fonts, theme
from cache_studio.gui.look.text import display_text, tr

LONGEST_LINE = 10_000
_MARKED = 500
"""Places of a found text that are marked; all are counted."""


def shown_text(text: str) -> str:
    """`text` made safe, long lines broken. Not in the GUI thread: a million characters may take half a second."""
    lines = []
    for line in text.split("\n"):
        safe = display_text(line.removesuffix("\r"), len(line) + 1)
        lines += [safe[at : at + LONGEST_LINE] for at in range(0, len(safe), LONGEST_LINE)] or [""]
    return "\n".join(lines)


class TextView(QPlainTextEdit):
    """Read-only text in the fixed font."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setReadOnly(True)
        self.setUndoRedoEnabled(False)
        self.setStyleSheet("QPlainTextEdit, QPlainTextEdit:focus { border: 0; border-radius: 0; }")
        self.setFont(fonts.mono_font(12))
        self.document().setDocumentMargin(8)
        self.setAccessibleName(tr("Value as text"))
        self.setTabChangesFocus(True)
        self._found = ""
        theme.theme().changed.connect(self._mark)

    def show_text(self, shown: str) -> None:
        """Show what `shown_text` made."""
        self.setPlainText(shown)
        self._found = ""
        self._mark()

    def find_text(self, text: str, step: int) -> tuple[int, int]:
        """Go to the next (1), previous (-1) or nearest (0) place of `text`; (its number, how many there are)."""
        self._found = text
        places = self._places(text)
        self._mark()
        if not places:
            return 0, 0
        cursor = self.textCursor()
        start = cursor.selectionStart()
        if step < 0:
            chosen = max((at for at, place in enumerate(places) if place < start), default=len(places) - 1)
        else:
            first = start + 1 if step and cursor.hasSelection() else start
            chosen = next((at for at, place in enumerate(places) if place >= first), 0)
        cursor.setPosition(places[chosen])
        cursor.setPosition(places[chosen] + _units(text), QTextCursor.MoveMode.KeepAnchor)
        self.setTextCursor(cursor)
        self.ensureCursorVisible()
        return chosen + 1, len(places)

    def _places(self, text: str) -> list[int]:
        """Where `text` stands, in positions of the document (UTF-16 units), whatever its case."""
        if not text:
            return []
        whole, wanted = self.document().toPlainText().lower(), text.lower()
        places, at = [], whole.find(wanted)
        while at >= 0:
            places.append(at)
            at = whole.find(wanted, at + max(1, len(wanted)))
        if whole.isascii():
            return places
        return self._exact_places(text)

    def _exact_places(self, text: str) -> list[int]:
        places: list[int] = []
        cursor = self.document().find(text, 0, QTextDocument.FindFlag(0))
        while not cursor.isNull() and len(places) < _MARKED:
            places.append(cursor.selectionStart())
            cursor = self.document().find(text, cursor, QTextDocument.FindFlag(0))
        return places

    def _mark(self) -> None:
        shape = QTextCharFormat()
        shape.setBackground(QColor(theme.colors().soon.ground))
        shape.setForeground(QColor(theme.colors().soon.text))
        marks = []
        for place in self._places(self._found)[:_MARKED]:
            mark = QTextEdit.ExtraSelection()
            cursor = QTextCursor(self.document())
            cursor.setPosition(place)
            cursor.setPosition(place + _units(self._found), QTextCursor.MoveMode.KeepAnchor)
            mark.cursor, mark.format = cursor, shape
            marks.append(mark)
        self.setExtraSelections(marks)


def _units(text: str) -> int:
    """Length in UTF-16 units, which a document counts in."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
