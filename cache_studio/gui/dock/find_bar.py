"""The line that looks for text in a value, with copy and save beside it."""

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QLineEdit, QWidget

from cache_studio.gui.look import fonts, icons, theme
from cache_studio.gui.look.style_sheet import restyle
from cache_studio.gui.look.text import plain_label, tr
from cache_studio.gui.widgets.buttons import IconButton


class FindBar(QWidget):
    """Find in value, copy, save.

    Signals:
        wanted(str, int): look for a text from the current place: 0 while typing, 1 next (Enter), -1 back (Shift+Enter).
        copy_requested(): copy what is shown.
        save_requested(): save the stored bytes.
    """

    wanted = Signal(str, int)
    copy_requested = Signal()
    save_requested = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.edit = QLineEdit()
        self.edit.setFont(fonts.text_font(12))
        self.edit.setPlaceholderText(tr("Find in value"))
        self.edit.setAccessibleName(tr("Find in value"))
        self.edit.installEventFilter(self)
        self._icon, self._result = QLabel(), plain_label("", "source")
        self._frame = QFrame()
        self._frame.setProperty("ground", "search")
        self._frame.setProperty("active", "false")
        self._frame.setFixedHeight(32)
        inside = QHBoxLayout(self._frame)
        inside.setContentsMargins(10, 0, 8, 0)
        inside.setSpacing(8)
        inside.addWidget(self._icon)
        inside.addWidget(self.edit, 1)
        inside.addWidget(self._result)
        self.copy_button = IconButton("copy", tr("Copy the value"))
        self.save_button = IconButton("download", tr("Save the stored bytes as a file"))
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 0, 12, 0)
        row.setSpacing(8)
        row.addWidget(self._frame, 1)
        row.addWidget(self.copy_button)
        row.addWidget(self.save_button)
        self.edit.textChanged.connect(lambda text: self.wanted.emit(text, 0))
        self.copy_button.clicked.connect(self.copy_requested)
        self.save_button.clicked.connect(self.save_requested)
        theme.theme().changed.connect(self._restyle)
        self._restyle()

    def show_result(self, number: int, count: int) -> None:
        """Which of how many is shown; (0, 0) is none."""
        if not self.edit.text():
            self._result.setText("")
        else:
            self._result.setText(f"{number:,} / {count:,}" if count else tr("none"))
        self._result.setAccessibleName(self._result.text())

    def set_tools(self, *, can_find: bool, can_copy: bool, can_save: bool) -> None:
        """Which of them make sense now."""
        self.edit.setEnabled(can_find)
        self.copy_button.setEnabled(can_copy)
        self.save_button.setEnabled(can_save)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Ring on focus; Enter goes on, Shift+Enter back, Escape empties."""
        if watched is not self.edit:
            return super().eventFilter(watched, event)
        if event.type() in (QEvent.Type.FocusIn, QEvent.Type.FocusOut):
            restyle(self._frame, "active", "true" if event.type() == QEvent.Type.FocusIn else "false")
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                back = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
                self.wanted.emit(self.edit.text(), -1 if back else 1)
                return True
            if event.key() == Qt.Key.Key_Escape and self.edit.text():
                self.edit.clear()
                return True
        return super().eventFilter(watched, event)

    def _restyle(self) -> None:
        self._icon.setPixmap(icons.pixmap("search", theme.colors().text2, 16, self.devicePixelRatioF()))
