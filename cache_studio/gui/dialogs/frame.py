"""The frame all dialogs share: a veil over the window, a head with icon and sentence, content, a foot with buttons."""

from collections.abc import Sequence

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QHideEvent, QPainter, QPaintEvent, QShowEvent
from PySide6.QtWidgets import QDialog, QFrame, QGridLayout, QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from cache_studio.gui.look import icons, theme
from cache_studio.gui.look.colors import Pill
from cache_studio.gui.look.text import display_text, plain_label, tr
from cache_studio.gui.widgets.buttons import IconButton
from cache_studio.gui.widgets.cards import text_color
from cache_studio.gui.widgets.icon_note import IconNote

PADDING = 24
_TILE = 40
_VEIL = 110


class Veil(QWidget):
    """Darkens the window under a dialog; it takes no input and goes with the dialog."""

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setGeometry(window.rect())
        self.show()
        self.raise_()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the shade."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(10, 16, 26, _VEIL))
        painter.end()


class IconTile(QWidget):
    """The icon of an action on a soft ground; `tone` is a TTL state ("stale", "urgent") or "accent"."""

    def __init__(self, icon: str, tone: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._icon, self._tone = icon, tone
        self.setFixedSize(QSize(_TILE, _TILE))
        theme.theme().changed.connect(self.update)

    def set_tone(self, tone: str) -> None:
        """Another colour."""
        self._tone = tone
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw ground and icon."""
        value = getattr(theme.colors(), self._tone)
        ground = value.ground if isinstance(value, Pill) else theme.colors().accent_soft
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(ground))
        painter.drawRoundedRect(QRectF(self.rect()), 8, 8)
        icons.paint_icon(painter, QRectF(12, 12, 16, 16), self._icon, text_color(self._tone))
        painter.end()


class DialogHead(QWidget):
    """Icon, title, one sentence below it, and a cross that closes."""

    def __init__(self, icon: str, tone: str, title: str, sentence: str) -> None:
        super().__init__()
        self.tile = IconTile(icon, tone)
        self._title = plain_label("", "heading")
        self._sentence = plain_label("", "note")
        for label in (self._title, self._sentence):
            label.setWordWrap(True)
        self.close_button = IconButton("close", tr("Close"))
        words = QVBoxLayout()
        words.setSpacing(2)
        words.addWidget(self._title)
        words.addWidget(self._sentence)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(16)
        row.addWidget(self.tile, 0, Qt.AlignmentFlag.AlignTop)
        row.addLayout(words, 1)
        row.addWidget(self.close_button, 0, Qt.AlignmentFlag.AlignTop)
        self.set_words(title, sentence)

    def set_words(self, title: str, sentence: str) -> None:
        """Other words; both may hold names from a cache and are made safe."""
        self._title.setText(display_text(title, 300))
        self._sentence.setText(display_text(sentence, 600))
        self._sentence.setVisible(bool(sentence))


def separator() -> QFrame:
    """A thin line across."""
    line = QFrame()
    line.setFixedHeight(1)
    line.setProperty("ground", "header")
    return line


def error_note(message: str, hint: str = "") -> IconNote:
    """An error as sentence and hint, in `urgent`, for the inside of a dialog."""
    note = IconNote("warning", f"{message} {hint}".strip(), "urgent", "small")
    note.label.setProperty("tone", "bad")
    note.setAccessibleName(note.label.text())
    return note


class Foot(QWidget):
    """What stands below: a note at the left, buttons at the right, in reading order."""

    def __init__(self, note: QWidget | None, buttons: Sequence[QWidget]) -> None:
        super().__init__()
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(12)
        if note is not None:
            note.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
            row.addWidget(note, 1, Qt.AlignmentFlag.AlignVCenter)
        else:
            row.addStretch(1)
        for button in buttons:
            row.addWidget(button, 0, Qt.AlignmentFlag.AlignVCenter)


def field_rows(rows: Sequence[tuple[str, QWidget]]) -> QGridLayout:
    """Fields under each other with their words at the left, which are their accessible names too."""
    grid = QGridLayout()
    grid.setHorizontalSpacing(24)
    grid.setVerticalSpacing(10)
    grid.setColumnStretch(1, 1)
    for row, (words, field) in enumerate(rows):
        grid.addWidget(plain_label(words, "small"), row, 0, Qt.AlignmentFlag.AlignVCenter)
        grid.addWidget(field, row, 1)
        if words:
            field.setAccessibleName(words)
    return grid


class FrameDialog(QDialog):
    """A modal dialog with a veil under it whose content can be replaced in the same place."""

    def __init__(self, parent: QWidget | None, name: str, width: int) -> None:
        super().__init__(parent)
        self.setWindowTitle(name)
        self.setModal(True)
        self.setObjectName("framed")
        self._width = width
        self._veil: Veil | None = None
        self._content: QWidget | None = None
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(PADDING, PADDING, PADDING, PADDING)
        self._layout.setSpacing(0)
        theme.theme().changed.connect(self._restyle)
        self._restyle()

    def show_content(self, content: QWidget) -> None:
        """Put `content` in the place of what was there; the dialog takes the height it needs."""
        old, self._content = self._content, content
        if old is not None:
            self._layout.removeWidget(old)
            old.hide()
            old.deleteLater()
        self._layout.addWidget(content)
        content.show()  # what was never shown takes no room in a layout
        self.refit()

    def refit(self) -> None:
        """Take the height that the content needs at the width of the dialog; to be called when words in it changed."""
        width = min(self._width, self._room())
        self.setFixedWidth(width)
        self._layout.invalidate()
        self._layout.activate()
        wanted = self._layout.totalHeightForWidth(width) if self._layout.hasHeightForWidth() else -1
        self.resize(width, max(wanted, self._layout.totalMinimumSize().height()))
        self._stay_in_the_middle()

    def showEvent(self, event: QShowEvent) -> None:
        """Darken the window below; fonts are known only now, so the height is taken anew."""
        super().showEvent(event)
        self.refit()
        parent = self.parentWidget()
        if parent is not None and self._veil is None:
            self._veil = Veil(parent.window())

    def hideEvent(self, event: QHideEvent) -> None:
        """Take the shade away."""
        super().hideEvent(event)
        if self._veil is not None:
            self._veil.hide()
            self._veil.deleteLater()
            self._veil = None

    def _stay_in_the_middle(self) -> None:
        """A dialog that grows must not grow out of its window or off the screen."""
        parent, screen = self.parentWidget(), self.screen()
        if parent is None or screen is None or not self.isVisible():
            return
        place = self.frameGeometry()
        place.moveCenter(parent.window().frameGeometry().center())
        room = screen.availableGeometry()
        place.moveBottom(min(place.bottom(), room.bottom()))
        place.moveTop(max(place.top(), room.top()))
        self.move(place.topLeft())

    def _room(self) -> int:
        screen = self.screen()
        return screen.availableGeometry().width() - 32 if screen is not None else self._width

    def _restyle(self) -> None:
        shades = self.palette()
        shades.setColor(self.backgroundRole(), theme.color("surface"))
        self.setPalette(shades)
        self.setAutoFillBackground(True)
