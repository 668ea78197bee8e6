"""Segmented buttons: one of a few is in force (ranges, value views)."""

from collections.abc import Sequence

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetricsF, QKeyEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QButtonGroup, QFrame, QHBoxLayout, QWidget

from cache_studio.gui.look import fonts, theme
from cache_studio.gui.widgets.painting import CENTER, draw_text


class Segment(QAbstractButton):
    """One of them."""

    def __init__(self, text: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setText(text)
        self.setCheckable(True)
        self.setAccessibleName(text)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)

    def sizeHint(self) -> QSize:
        """28 px high with padding at the sides."""
        metrics = QFontMetricsF(fonts.text_font(12, fonts.SEMIBOLD))
        return QSize(round(metrics.horizontalAdvance(self.text())) + 20, 28)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw ground, words and focus ring."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        rect, chosen = QRectF(self.rect()), self.isChecked()
        painter.setPen(Qt.PenStyle.NoPen)
        if chosen or (self.underMouse() and self.isEnabled()):
            painter.setBrush(theme.color("accent_soft" if chosen else "hover"))
            painter.drawRoundedRect(rect, 5, 5)
        if self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(theme.color("accent"), 1))
            painter.drawRoundedRect(rect.adjusted(0.5, 0.5, -0.5, -0.5), 5, 5)
        role = "disabled" if not self.isEnabled() else "accent" if chosen else "text2"
        font = fonts.text_font(12, fonts.SEMIBOLD if chosen else fonts.MEDIUM)
        draw_text(painter, rect, self.text(), font, theme.color(role), CENTER)
        painter.end()


class SegmentedButtons(QFrame):
    """A row of words of which exactly one is chosen; Left and Right move the choice.

    Signals:
        chosen(str): the name the user chose.
    """

    chosen = Signal(str)

    def __init__(self, name: str, names: Sequence[str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("ground", "card")
        self.setAccessibleName(name)
        self._group = QButtonGroup(self)
        self._group.setExclusive(True)
        row = QHBoxLayout(self)
        row.setContentsMargins(2, 2, 2, 2)
        row.setSpacing(2)
        for at, text in enumerate(names):
            segment = Segment(text)
            self._group.addButton(segment, at)
            row.addWidget(segment)
        self.setFixedHeight(32)
        theme.theme().changed.connect(self.update)
        if names:
            self.choose(names[0])
        self._group.idToggled.connect(self._on_toggled)

    def choose(self, name: str) -> None:
        """Choose without a signal; a name that is not there changes nothing."""
        blocked = self._group.blockSignals(True)
        for button in self._group.buttons():
            if button.text() == name:
                button.setChecked(True)
        self._group.blockSignals(blocked)
        self._follow_focus()

    def current(self) -> str:
        """The name in force."""
        button = self._group.checkedButton()
        return button.text() if button else ""

    def set_available(self, name: str, available: bool) -> None:
        """Grey out a choice that makes no sense now."""
        for button in self._group.buttons():
            if button.text() == name:
                button.setEnabled(available)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Left and Right go to the next one that is available."""
        step = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(Qt.Key(event.key()))
        if step is None:
            super().keyPressEvent(event)
            return
        buttons = [button for button in self._group.buttons() if button.isEnabled()]
        if buttons:
            at = next((i for i, button in enumerate(buttons) if button.isChecked()), 0)
            buttons[(at + step) % len(buttons)].click()
            buttons[(at + step) % len(buttons)].setFocus()

    def _follow_focus(self) -> None:
        for button in self._group.buttons():
            policy = Qt.FocusPolicy.StrongFocus if button.isChecked() else Qt.FocusPolicy.ClickFocus
            button.setFocusPolicy(policy)

    def _on_toggled(self, number: int, checked: bool) -> None:
        self._follow_focus()
        if checked:
            self.chosen.emit(self._group.button(number).text())
