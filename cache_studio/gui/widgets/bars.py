"""Bars that say what happened: undo after an action, a notice with hint, the line of a listing under way."""

from PySide6.QtCore import QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QHideEvent, QPainter, QPaintEvent, QShowEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from cache_studio.gui.look import icons, theme
from cache_studio.gui.look.text import display_text, plain_label, tr
from cache_studio.gui.widgets.buttons import IconButton, LinkButton, SecondaryButton
from cache_studio.gui.widgets.cards import role_color
from cache_studio.gui.widgets.elided_label import ElidedLabel


class UndoBar(QFrame):
    """The dark bar under the table after an action; it stands in the layout and covers nothing.

    Signals:
        undo_requested(): the link, or its shortcut handled by the window.
        dismissed(): closed by the user; the bar is already hidden.
    """

    undo_requested = Signal()
    dismissed = Signal()

    def __init__(self, shortcut: str = "Ctrl+Z", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("ground", "bar")
        self.setFixedHeight(40)
        self._mark = QLabel()
        # A long sentence must not push the panels beside the table together.
        self._text = ElidedLabel("title", cut=Qt.TextElideMode.ElideRight)
        self._undo = LinkButton(tr("Undo"), "undo")
        self._undo.set_icon("undo", "undo_link")
        self._shortcut = plain_label(shortcut, "small")
        self._close = IconButton("close", tr("Close this bar"), role="undo_text")
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 0, 10, 0)
        row.setSpacing(12)
        row.addWidget(self._mark)
        row.addWidget(self._text, 1)
        for widget in (self._undo, self._shortcut, self._close):
            row.addWidget(widget)
        self._undo.clicked.connect(self.undo_requested)
        self._close.clicked.connect(self._dismiss)
        theme.theme().changed.connect(self._restyle)
        self._restyle()
        self.hide()

    def show_done(self, text: str) -> None:
        """Say what was done and offer Undo."""
        self._tell(text, can_undo=True)

    def show_final(self, text: str) -> None:
        """Say what was done where no undo is possible."""
        self._tell(text, can_undo=False)

    def _tell(self, text: str, *, can_undo: bool) -> None:
        self._text.set_words(text)
        self.setAccessibleName(self._text.accessibleName())
        self._undo.setVisible(can_undo)
        self._shortcut.setVisible(can_undo)
        self.show()

    def _dismiss(self) -> None:
        self.hide()
        self.dismissed.emit()

    def _restyle(self) -> None:
        self._mark.setPixmap(icons.pixmap("check", theme.colors().undo_done, 16, self.devicePixelRatioF()))


class NoticeBar(QFrame):
    """What is wrong with the cache, the hint and Try again; under the cache header, hidden while all is well.

    Signals:
        retry_requested(): Try again.
    """

    retry_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("ground", "error")
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self._icon = QLabel()
        self._message = plain_label("", "title")
        self._hint = plain_label("", "small")
        for label in (self._message, self._hint):
            label.setWordWrap(True)
        self.button = SecondaryButton(tr("Try again"), "refresh")
        self.button.setProperty("row", "true")
        words = QVBoxLayout()
        words.setSpacing(1)
        words.addWidget(self._message)
        words.addWidget(self._hint)
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 8, 16, 8)
        row.setSpacing(12)
        row.addWidget(self._icon, 0, Qt.AlignmentFlag.AlignTop)
        row.addLayout(words, 1)
        row.addWidget(self.button)
        self.button.clicked.connect(self.retry_requested)
        theme.theme().changed.connect(self._restyle)
        self._restyle()
        self.hide()

    def show_problem(self, message: str, hint: str = "") -> None:
        """Show an error as sentence and hint."""
        self._message.setText(display_text(message, 500))
        self._hint.setText(display_text(hint, 500))
        self._hint.setVisible(bool(hint))
        self.setAccessibleName(f"{self._message.text()} {self._hint.text()}".strip())
        self.show()

    def _restyle(self) -> None:
        self._icon.setPixmap(icons.pixmap("warning", theme.colors().urgent.text, 16, self.devicePixelRatioF()))


class EmptyState(QWidget):
    """One sentence what would be here and one button.

    Signals:
        acted(): the button.
    """

    acted = Signal()

    def __init__(self, sentence: str, action: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._sentence = plain_label(sentence, "note")
        self._sentence.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._sentence.setWordWrap(True)
        self.button = SecondaryButton(action)
        self.button.setVisible(bool(action))
        self.button.clicked.connect(self.acted)
        layout = QVBoxLayout(self)
        layout.setSpacing(12)
        layout.addStretch(1)
        layout.addWidget(self._sentence)
        layout.addWidget(self.button, 0, Qt.AlignmentFlag.AlignHCenter)
        layout.addStretch(1)
        self.set_text(sentence, action)

    def set_text(self, sentence: str, action: str = "") -> None:
        """Say something else; no button without `action`."""
        self._sentence.setText(display_text(sentence, 500))
        self.button.setText(action)
        self.button.setAccessibleName(action)
        self.button.setVisible(bool(action))
        self.setAccessibleName(self._sentence.text())


class BusyLine(QWidget):
    """A 2 px line in the accent under the table header while rows are still coming.

    It covers what lies below: else that would be drawn anew with every step of the line.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._busy = False
        self._share: float | None = None
        self._phase = 0.0
        self._timer = QTimer(self)
        self._timer.setInterval(50)
        self._timer.timeout.connect(self._step)
        self.setFixedHeight(2)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setAccessibleName(tr("Reading"))
        self.hide()

    def set_busy(self, busy: bool, share: float | None = None) -> None:
        """Show the line; `share` 0 to 1 where the end is known, else it runs."""
        self._busy, self._share = busy, share
        self.setVisible(busy)
        self._set_timer()
        self.update()

    def sizeHint(self) -> QSize:
        """As wide as there is room."""
        return QSize(100, 2)

    def showEvent(self, event: QShowEvent) -> None:
        """Run only while on screen."""
        self._set_timer()

    def hideEvent(self, event: QHideEvent) -> None:
        """Stop off screen."""
        self._timer.stop()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the line."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.color("surface"))
        width = float(self.width())
        if self._share is not None:
            line = QRectF(0, 0, width * self._share, 2)
        elif theme.theme().reduced_motion:
            line = QRectF(0, 0, width, 2)
        else:
            line = QRectF((self._phase * 1.3 - 0.3) * width, 0, width * 0.3, 2)
        painter.fillRect(line, theme.color("accent"))
        painter.end()

    def _set_timer(self) -> None:
        running = self._busy and self._share is None and self.isVisible() and not theme.theme().reduced_motion
        self._timer.start() if running else self._timer.stop()

    def _step(self) -> None:
        self._phase = (self._phase + 0.03) % 1.0
        self.update()


class StateDot(QWidget):
    """A dot of 8 px in the bar colour of a TTL state or a colour role; stands beside words, never alone."""

    def __init__(self, role: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._role = role
        self.setFixedSize(QSize(8, 8))
        theme.theme().changed.connect(self.update)

    def set_role(self, role: str) -> None:
        """Change the colour."""
        self._role = role
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the dot."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(role_color(self._role))
        painter.drawEllipse(QRectF(self.rect()))
        painter.end()
