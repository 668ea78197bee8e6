"""The search box: an expression, its result foretold at the right, an underline where it is wrong."""

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFontMetricsF,
    QInputMethodEvent,
    QKeyEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QTextCharFormat,
)
from PySide6.QtWidgets import QApplication, QFrame, QHBoxLayout, QLabel, QLineEdit, QVBoxLayout, QWidget

from cache_studio.gui.look import fonts, icons, theme
from cache_studio.gui.look.style_sheet import restyle
from cache_studio.gui.look.text import display_text, plain_label, tr
from cache_studio.gui.widgets.cards import text_color

HEIGHT = 36


class ExpressionEdit(QLineEdit):
    """A line in the fixed font that can underline a span of characters in `urgent`."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.span: tuple[int, int] | None = None
        self._colored: tuple[tuple[int, int, str], ...] = ()
        self.setFont(fonts.mono_font(13))
        self.setFrame(False)

    def set_colors(self, spans: Sequence[tuple[int, int, str]]) -> None:
        """Colour characters (start, end, colour role or TTL state) of the text as it is now; a new text has none."""
        self._colored = tuple(spans)
        kind = QInputMethodEvent.AttributeType.TextFormat
        attributes = []
        for start, end, role in spans:
            shape = QTextCharFormat()
            shape.setForeground(QColor(text_color(role)))
            attributes.append(QInputMethodEvent.Attribute(kind, start - self.cursorPosition(), end - start, shape))
        # An input method event without text changes nothing but formats: the one way to colour part of a QLineEdit.
        QApplication.sendEvent(self, QInputMethodEvent("", attributes))

    def restyle(self) -> None:
        """Take fonts and colours in force."""
        self.setFont(fonts.mono_font(13))
        self.set_colors(self._colored)

    def paintEvent(self, event: QPaintEvent) -> None:
        """The line, then the underline."""
        super().paintEvent(event)
        if self.span is None:
            return
        start, end = self.span
        metrics = QFontMetricsF(self.font())
        before = self.text()[: self.cursorPosition()]
        # The line may be scrolled: the cursor's place on screen says by how much.
        offset = self.cursorRect().center().x() - metrics.horizontalAdvance(before)
        left = offset + metrics.horizontalAdvance(self.text()[:start])
        right = offset + metrics.horizontalAdvance(self.text()[: max(end, start + 1)])
        if start >= len(self.text()):
            right = left + metrics.horizontalAdvance("m")
        bottom = self.height() / 2 + metrics.height() / 2 - 1
        painter = QPainter(self)
        painter.setPen(QPen(QColor(theme.colors().urgent.bar), 2))
        painter.drawLine(round(left), round(bottom), round(right), round(bottom))
        painter.end()


class SearchBox(QWidget):
    """Search icon, line, foretold result, Enter hint; below them a message when the expression is wrong.

    Signals:
        text_edited(str): the user typed; the panel waits a little and applies.
        submitted(str): Enter.
        left_down(): Down was pressed; the panel gives the table the focus.
    """

    text_edited = Signal(str)
    submitted = Signal(str)
    left_down = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.edit = ExpressionEdit()
        self.edit.setAccessibleName(tr("Search entries"))
        self.edit.setPlaceholderText(tr("Search keys, or ns:tts stale size>100kb"))
        self.edit.installEventFilter(self)
        self._frame = QFrame(self)
        self._frame.setProperty("ground", "search")
        self._frame.setProperty("active", "false")
        self._frame.setFixedHeight(HEIGHT)
        self._icon = QLabel()
        self._result = plain_label("", "note")
        self._hint = plain_label(tr("Enter"), "key-hint")
        self._message = plain_label("", "small")
        self._message.setProperty("tone", "bad")
        self._message.hide()
        self._hint.hide()
        self._lay_out()
        self.setFocusProxy(self.edit)
        self.edit.textEdited.connect(self._on_edited)
        self.edit.returnPressed.connect(lambda: self.submitted.emit(self.edit.text()))
        theme.theme().changed.connect(self._restyle)
        self._restyle()

    def _lay_out(self) -> None:
        row = QHBoxLayout(self._frame)
        row.setContentsMargins(12, 0, 8, 0)
        row.setSpacing(10)
        row.addWidget(self._icon)
        row.addWidget(self.edit, 1)
        row.addWidget(self._result)
        row.addWidget(self._hint, 0, Qt.AlignmentFlag.AlignVCenter)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self._frame)
        layout.addWidget(self._message)

    def text(self) -> str:
        """The expression as typed."""
        return self.edit.text()

    def set_text(self, text: str) -> None:
        """Put an expression in, without a signal and without colours."""
        self.edit.set_colors(())
        self.edit.setText(text)

    def set_colors(self, spans: Sequence[tuple[int, int, str]]) -> None:
        """Colour parts of the expression: (start, end, colour role or TTL state); call again after each edit."""
        self.edit.set_colors(spans)

    def set_result(self, words: str) -> None:
        """What the expression would show, such as "4 entries, 0.6 MB"; "" for nothing."""
        self._result.setText(words)

    def set_hint_visible(self, visible: bool) -> None:
        """Whether Enter would do something now."""
        self._hint.setVisible(visible)

    def set_problem(self, message: str, span: tuple[int, int]) -> None:
        """Underline characters `span` (start, end; in the text as typed) and say below what is wrong."""
        self.edit.span = span
        self._message.setText(display_text(message, 400))
        self._message.show()
        self.edit.setAccessibleDescription(self._message.text())
        self.edit.update()

    def clear_problem(self) -> None:
        """The expression is right again."""
        self.edit.span = None
        self._message.hide()
        self.edit.setAccessibleDescription("")
        self.edit.update()

    def problem(self) -> str:
        """The message shown, "" without one."""
        return "" if self.edit.span is None else self._message.text()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Ring on focus; Down leaves to the table; Escape empties the line."""
        if watched is not self.edit:
            return super().eventFilter(watched, event)
        if event.type() in (QEvent.Type.FocusIn, QEvent.Type.FocusOut):
            restyle(self._frame, "active", "true" if event.type() == QEvent.Type.FocusIn else "false")
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            if event.key() == Qt.Key.Key_Down:
                self.left_down.emit()
                return True
            if event.key() == Qt.Key.Key_Escape and self.edit.text():
                self.edit.clear()
                self._on_edited("")
                return True
        return super().eventFilter(watched, event)

    def _on_edited(self, text: str) -> None:
        self.clear_problem()
        self.edit.set_colors(())
        self.text_edited.emit(text)

    def _restyle(self) -> None:
        self._icon.setPixmap(icons.pixmap("search", theme.colors().text2, 16, self.devicePixelRatioF()))
        self.edit.restyle()
