"""The rows of the start page: a discovered cache with its button, a recent one that is a button itself."""

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QHBoxLayout, QSizePolicy, QWidget

from cache_studio.gui.look import fonts, theme
from cache_studio.gui.look.icon_paths import format_icon
from cache_studio.gui.look.icons import paint_icon
from cache_studio.gui.look.text import display_text, tr
from cache_studio.gui.widgets.buttons import SecondaryButton
from cache_studio.gui.widgets.painting import LEFT, RIGHT, draw_text

FOUND_HEIGHT, RECENT_HEIGHT = 56, 40
_BUTTON = 84
_TEXT_LEFT = 48
_FORMAT_AT = 0.455
"""Where the column of formats begins, as a share of the row."""


class FoundRow(QWidget):
    """Format tile, name over folder, format, volume, and Attach."""

    def __init__(self, name: str, folder: str, format_name: str, note: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._name, self._folder = display_text(name, 200), display_text(folder, 400)
        self._format, self._note = format_name, note
        self.attach = SecondaryButton(tr("Attach"))
        self.attach.setProperty("row", "true")
        self.attach.setAccessibleName(f"{tr('Attach')} {self._name}, {format_name}")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addStretch(1)
        row.addWidget(self.attach)
        self.setFixedHeight(FOUND_HEIGHT)
        theme.theme().changed.connect(self.update)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw everything but the button."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        colors, rect = theme.colors(), QRectF(self.rect())
        tile = QRectF(0.5, rect.center().y() - 16, 32, 32)
        painter.setPen(QPen(theme.color("border"), 1))
        painter.setBrush(theme.color("sunken"))
        painter.drawRoundedRect(tile, 6, 6)
        paint_icon(painter, tile.adjusted(6, 6, -6, -6), format_icon(self._format), colors.text)
        middle = rect.width() * _FORMAT_AT
        words = QRectF(_TEXT_LEFT, rect.center().y() - 19, middle - _TEXT_LEFT - 8, 18)
        draw_text(painter, words, self._name, fonts.text_font(13, fonts.SEMIBOLD), colors.text)
        draw_text(painter, words.translated(0, 19), self._folder, fonts.mono_font(12), colors.text2)
        room = rect.adjusted(middle, 0, -_BUTTON - 16, 0)
        used = draw_text(painter, room, self._note, fonts.text_font(12), colors.text, RIGHT)
        draw_text(painter, room.adjusted(0, 0, -used - 8, 0), self._format, fonts.text_font(12), colors.text2, LEFT)
        painter.setPen(QPen(theme.color("border"), 1))
        painter.drawLine(rect.bottomLeft(), rect.bottomRight())
        painter.end()


class RecentRow(QAbstractButton):
    """Icon, name, format and when it was opened last; a click attaches it."""

    def __init__(self, name: str, format_name: str, note: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setText(display_text(name, 200))
        self._format, self._note = format_name, note
        self.setAccessibleName(f"{tr('Attach')} {self.text()}, {format_name}, {note}")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.theme().changed.connect(self.update)

    def sizeHint(self) -> QSize:
        """40 px high."""
        return QSize(320, RECENT_HEIGHT)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the row."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        colors, rect = theme.colors(), QRectF(self.rect())
        if self.underMouse():
            painter.fillRect(rect, theme.color("hover"))
        paint_icon(painter, QRectF(8, rect.center().y() - 8, 16, 16), format_icon(self._format), colors.text2)
        middle = rect.width() * _FORMAT_AT
        name = rect.adjusted(_TEXT_LEFT, 0, -(rect.width() - middle) - 8, 0)
        draw_text(painter, name, self.text(), fonts.text_font(13, fonts.MEDIUM), colors.text)
        room = rect.adjusted(middle, 0, 0, 0)
        used = draw_text(painter, room, self._note, fonts.text_font(12), colors.text2, RIGHT)
        draw_text(painter, room.adjusted(0, 0, -used - 8, 0), self._format, fonts.text_font(12), colors.text2)
        painter.setPen(QPen(theme.color("accent" if self.hasFocus() else "border"), 1))
        painter.drawLine(rect.bottomLeft(), rect.bottomRight())
        painter.end()
