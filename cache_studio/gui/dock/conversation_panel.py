"""A value as an answer of a language model: model, tokens and cost, and what was said by whom."""

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtGui import QColor, QFont, QTextCharFormat, QTextCursor
from PySide6.QtWidgets import QVBoxLayout, QWidget

from cache_studio.decoding.views.lines import Prices, llm_lines
from cache_studio.decoding.views.shapes import LlmView, Message
from cache_studio.gui.dock.fact_grid import FactGrid
from cache_studio.gui.dock.text_view import TextView, shown_text
from cache_studio.gui.look import fonts, theme
from cache_studio.gui.look.text import display_text, plain_label, tr


@dataclass(frozen=True)
class Conversation:
    """What was said as safe text; `roles` are the numbers of the lines that say by whom."""

    text: str = ""
    roles: tuple[int, ...] = ()


def prepare_conversation(messages: Sequence[Message]) -> Conversation:
    """Make it safe, and write a line with its role before each message. Not in the GUI thread."""
    lines: list[str] = []
    roles = []
    for message in messages:
        lines += [""] if lines else []
        roles.append(len(lines))
        lines.append(display_text(f"{message.role}{f' ({message.note})' if message.note else ''}", 120))
        lines += shown_text(message.text).split("\n")
    return Conversation("\n".join(lines), tuple(roles))


class ConversationPanel(QWidget):
    """Facts over the conversation; Find and copy work on what was said."""

    def __init__(self) -> None:
        super().__init__()
        self._conversation = Conversation()
        self.facts, self.said = FactGrid(), TextView()
        self.said.setAccessibleName(tr("Conversation"))
        self.said.setFont(fonts.text_font(13))
        self.said.document().setDocumentMargin(16)
        self._origin = plain_label("", "source")
        self._origin.setWordWrap(True)
        head = QWidget()
        inside = QVBoxLayout(head)
        inside.setContentsMargins(16, 4, 12, 0)
        inside.setSpacing(8)
        inside.addWidget(self.facts)
        inside.addWidget(self._origin)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(head)
        layout.addWidget(self.said, 1)
        self.setAccessibleName(tr("Value as an answer of a language model"))
        theme.theme().changed.connect(self._color_roles)

    def show_answer(self, view: LlmView, conversation: Conversation, prices: Prices) -> None:
        """Show an answer; `conversation` is what `prepare_conversation` made of its messages."""
        self._conversation = conversation
        self.facts.show_lines(llm_lines(view, prices))
        self._origin.setText(" ".join((tr("Stored in the shape of {origin}.").format(origin=view.origin), *view.notes)))
        self.said.show_text(conversation.text)
        self._color_roles()

    def text(self) -> str:
        """The conversation as it is shown."""
        return self.said.toPlainText()

    def find_text(self, text: str, step: int) -> tuple[int, int]:
        """Find in what was said."""
        return self.said.find_text(text, step)

    def _color_roles(self) -> None:
        """The line with the role of each message in the accent."""
        shape = QTextCharFormat()
        shape.setForeground(QColor(theme.colors().accent))
        shape.setFontWeight(QFont.Weight.DemiBold)
        for number in self._conversation.roles:
            cursor = QTextCursor(self.said.document().findBlockByNumber(number))
            cursor.movePosition(QTextCursor.MoveOperation.EndOfBlock, QTextCursor.MoveMode.KeepAnchor)
            cursor.mergeCharFormat(shape)
