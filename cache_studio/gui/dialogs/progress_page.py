"""How far an action has come, with Stop; stands where the plan stood."""

from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QVBoxLayout, QWidget

from cache_studio.gui.look.text import display_text, plain_label, tr
from cache_studio.gui.widgets.buttons import SecondaryButton


class ProgressPage(QWidget):
    """Title, one line of figures, what is left, Stop, and a bar; without a known end the bar runs."""

    def __init__(self, title: str, line: str = "") -> None:
        super().__init__()
        heading = plain_label(display_text(title, 300), "title")
        heading.setWordWrap(True)
        self._line = plain_label(line, "note")
        self._line.setWordWrap(True)
        self._left = plain_label("", "note")
        self.stop_button = SecondaryButton(tr("Stop"), "stop")
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setRange(0, 0)
        self.bar.setAccessibleName(title)
        words = QVBoxLayout()
        words.setSpacing(4)
        words.addWidget(heading)
        words.addWidget(self._line)
        top = QHBoxLayout()
        top.setSpacing(16)
        top.addLayout(words, 1)
        top.addWidget(self._left)
        top.addWidget(self.stop_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(24)
        layout.addLayout(top)
        layout.addWidget(self.bar)

    def show_progress(self, done: int, planned: int, line: str, left: str = "") -> None:
        """`done` of `planned`; no planned number is an unknown end."""
        self.bar.setRange(0, planned)
        self.bar.setValue(min(done, planned))
        self._line.setText(line)
        self._left.setText(left)
        self.bar.setAccessibleDescription(f"{line} {left}".strip())

    def show_stopping(self) -> None:
        """Stop was pressed: the work ends after its current step."""
        self.stop_button.setEnabled(False)
        self._left.setText(tr("stopping"))

    def line(self) -> str:
        """The line of figures as shown."""
        return self._line.text()
