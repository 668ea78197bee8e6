"""A sentence beside an icon: what stays in a plan, a warning on the Dashboard."""

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QHBoxLayout, QLabel, QWidget

from cache_studio.gui.look import icons, theme
from cache_studio.gui.look.text import display_text, plain_label
from cache_studio.gui.widgets.cards import text_color


class IconNote(QWidget):
    """An icon in a colour role beside a sentence that wraps."""

    def __init__(self, icon: str, text: str, color: str = "text2", style: str = "note") -> None:
        super().__init__()
        self._icon, self._color = icon, color
        self._mark = QLabel()
        self._mark.setFixedSize(QSize(16, 16))
        self.label = plain_label(display_text(text, 600), style)
        self.label.setWordWrap(True)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(10)
        row.addWidget(self._mark, 0, Qt.AlignmentFlag.AlignTop)
        row.addWidget(self.label, 1)
        theme.theme().changed.connect(self._restyle)
        self._restyle()

    def set_text(self, text: str) -> None:
        """Say something else."""
        self.label.setText(display_text(text, 600))

    def _restyle(self) -> None:
        self._mark.setPixmap(icons.pixmap(self._icon, text_color(self._color), 16, self.devicePixelRatioF()))
