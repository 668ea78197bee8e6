"""Chips: one adds a condition and says how many entries it has, one stands for the condition in force."""

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QFont, QFontMetricsF, QKeyEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QWidget

from cache_studio.gui.look import fonts, theme
from cache_studio.gui.look.icons import paint_icon
from cache_studio.gui.look.text import display_text, tr
from cache_studio.gui.widgets.painting import draw_text
from cache_studio.model.units import format_count

HEIGHT = 24
_PAD = 8
_GAP = 6
_MARK = 12


class Chip(QAbstractButton):
    """A condition with its count ("stale 312"); a click adds it. `set_count(None)` shows no count."""

    def __init__(self, text: str, count: int | None = None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._count = count
        self.setText(display_text(text, 200))
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        theme.theme().changed.connect(self.update)
        self._speak()

    def set_count(self, count: int | None) -> None:
        """Show how many entries the condition has."""
        if count != self._count:
            self._count = count
            self._speak()
            self.updateGeometry()
            self.update()

    def sizeHint(self) -> QSize:
        """24 px high, as wide as words, count and mark need."""
        width = QFontMetricsF(self._font()).horizontalAdvance(self.text()) + 2 * _PAD
        if self._count is not None:
            width += _GAP + QFontMetricsF(fonts.text_font(12)).horizontalAdvance(format_count(self._count))
        return QSize(round(width + self._mark_width()) + 1, HEIGHT)

    def minimumSizeHint(self) -> QSize:
        """Chips are not cut."""
        return self.sizeHint()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the chip with focus ring, words, count and mark."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        ground, edge, words, figure = self._roles()
        focused = self.hasFocus()
        painter.setBrush(theme.color(ground))
        painter.setPen(QPen(theme.color("accent" if focused else edge), 2 if focused else 1))
        inset = 1.0 if focused else 0.5
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(inset, inset, -inset, -inset), 5, 5)
        inner = QRectF(self.rect()).adjusted(_PAD, 0, -_PAD + 2, 0)
        used = draw_text(painter, inner, self.text(), self._font(), theme.color(words))
        if self._count is not None:
            rest = inner.adjusted(used + _GAP, 0, 0, 0)
            draw_text(painter, rest, format_count(self._count), fonts.text_font(12), theme.color(figure))
        self._draw_mark(painter, QRectF(self.rect()))
        painter.end()

    def _font(self) -> QFont:
        return fonts.text_font(12, fonts.REGULAR)

    def _roles(self) -> tuple[str, str, str, str]:
        if not self.isEnabled():
            return "surface", "border", "disabled", "disabled"
        return ("hover" if self.underMouse() else "surface"), "border", "text", "text2"

    def _mark_width(self) -> float:
        return 0

    def _draw_mark(self, painter: QPainter, rect: QRectF) -> None:
        """Nothing beside the words."""

    def _speak(self) -> None:
        count = "" if self._count is None else f" {format_count(self._count)}"
        self.setAccessibleName(self.text() + count)


class ToggleChip(Chip):
    """A chip that is on or off; on it stands in the accent."""

    def __init__(self, text: str, count: int | None = None, parent: QWidget | None = None) -> None:
        super().__init__(text, count, parent)
        self.setCheckable(True)

    def _roles(self) -> tuple[str, str, str, str]:
        if self.isChecked() and self.isEnabled():
            return "accent_soft", "accent", "accent", "accent"
        return super()._roles()


class ConditionChip(Chip):
    """The condition in force, with a cross; `clicked` (also by Delete or Backspace) means: take it away."""

    def _font(self) -> QFont:
        return fonts.mono_font(12)

    def _roles(self) -> tuple[str, str, str, str]:
        return "accent_soft", "accent", "accent", "accent"

    def _mark_width(self) -> float:
        return _MARK + 4

    def _draw_mark(self, painter: QPainter, rect: QRectF) -> None:
        box = QRectF(rect.right() - _MARK - 6, rect.center().y() - _MARK / 2, _MARK, _MARK)
        paint_icon(painter, box, "close", theme.colors().accent)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Delete and Backspace act like a click."""
        if event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self.click()
            return
        super().keyPressEvent(event)

    def _speak(self) -> None:
        self.setAccessibleName(f"{tr('Remove condition')} {self.text()}")
