"""One line of text that gives way where there is little room."""

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QFontMetrics, QResizeEvent
from PySide6.QtWidgets import QLabel, QSizePolicy, QWidget

from cache_studio.gui.look import fonts
from cache_studio.gui.look.text import display_text, set_tooltip

_FRAME = 2
_LEAST = 6
"""Characters that still say something; where there is room for fewer, nothing is shown."""


class ElidedLabel(QLabel):
    """Literal text that is cut where `cut` says; it asks for no width. The whole of it stands in the tooltip."""

    def __init__(
        self, role: str, parent: QWidget | None = None, cut: Qt.TextElideMode = Qt.TextElideMode.ElideMiddle
    ) -> None:
        super().__init__(parent)
        self._cut = cut
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setProperty("role", role)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._words = ""

    def set_words(self, text: str, whole: str = "") -> None:
        """Show `text`; `whole` is what the tooltip says where that is more."""
        self._words = display_text(text, 2_000)
        self.setAccessibleName(self._words)
        set_tooltip(self, whole or text)
        self._elide()

    def whole_width(self) -> int:
        """The width at which nothing is cut."""
        return self._metrics().horizontalAdvance(self._words) + _FRAME

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Cut anew."""
        super().resizeEvent(event)
        self._elide()

    def changeEvent(self, event: QEvent) -> None:
        """The font of the style sheet came."""
        super().changeEvent(event)
        if event.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange):
            self._elide()

    def _elide(self) -> None:
        cut = self._metrics().elidedText(self._words, self._cut, self.width() - _FRAME)
        self.setText(cut if cut == self._words or len(cut) >= _LEAST else "")

    def _metrics(self) -> QFontMetrics:
        is_mono = str(self.property("role")).startswith("mono")
        return QFontMetrics(fonts.mono_font(12) if is_mono else self.font())
