"""The page of all keys, derived from the table of actions."""

from collections.abc import Sequence

from PySide6.QtWidgets import QGridLayout, QScrollArea, QVBoxLayout, QWidget

from cache_studio.gui.actions import shortcut_lines
from cache_studio.gui.dialogs.frame import DialogHead, Foot, FrameDialog
from cache_studio.gui.look.text import plain_label, tr
from cache_studio.gui.widgets.buttons import SecondaryButton

_WIDTH, _HEIGHT = 460, 420


class ShortcutsDialog(FrameDialog):
    """What each key does; `lines` are (words, keys), by default those of the window."""

    def __init__(self, parent: QWidget | None, lines: Sequence[tuple[str, str]] | None = None) -> None:
        super().__init__(parent, tr("Keyboard shortcuts"), _WIDTH)
        grid_box = QWidget()
        grid = QGridLayout(grid_box)
        grid.setContentsMargins(0, 0, 12, 0)
        grid.setVerticalSpacing(8)
        grid.setColumnStretch(0, 1)
        for row, (words, keys) in enumerate(shortcut_lines() if lines is None else lines):
            grid.addWidget(plain_label(words, "small"), row, 0)
            hint = plain_label(keys, "key-hint")
            hint.setAccessibleName(f"{words}: {keys}")
            grid.addWidget(hint, row, 1)
        area = QScrollArea()
        area.setWidget(grid_box)
        area.setWidgetResizable(True)
        area.setMinimumHeight(min(_HEIGHT, grid_box.sizeHint().height() + 4))
        area.viewport().setAutoFillBackground(False)
        grid_box.setAutoFillBackground(False)
        close = SecondaryButton(tr("Close"))
        close.clicked.connect(self.accept)
        head = DialogHead("info", "accent", tr("Keyboard shortcuts"), tr("The menus name them too."))
        head.close_button.clicked.connect(self.reject)
        page = QWidget()
        layout = QVBoxLayout(page)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(16)
        layout.addWidget(head)
        layout.addWidget(area, 1)
        layout.addWidget(Foot(None, [close]))
        self.show_content(page)
        close.setFocus()
