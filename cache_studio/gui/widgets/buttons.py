"""Buttons of the four kinds that the style sheet knows, and icon-only tools with their names."""

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QPushButton, QToolButton, QWidget

from cache_studio.gui.look.icons import set_icon
from cache_studio.gui.look.text import set_tooltip


class SecondaryButton(QPushButton):
    """A button with words and perhaps an icon; 32 px high. Its words are its accessible name."""

    kind = ""
    icon_role = "text"
    _GAP = 4

    def __init__(self, text: str, icon: str = "", parent: QWidget | None = None) -> None:
        super().__init__(text, parent)
        self.setAutoDefault(False)
        self.setAccessibleName(text.replace("&", ""))
        if self.kind:
            self.setProperty("kind", self.kind)
        if icon:
            self.set_icon(icon, self.icon_role)

    def set_icon(self, name: str, role: str) -> None:
        """Another icon, in another colour role."""
        set_icon(self, name, role, trailing=self._GAP)
        self.setIconSize(QSize(16 + self._GAP, 16))


class PrimaryButton(SecondaryButton):
    """The one button of a place that goes on; in the accent."""

    kind = "primary"
    icon_role = "on_accent"


class DangerButton(SecondaryButton):
    """A button whose action cannot be undone; ground in `urgent`."""

    kind = "danger"
    icon_role = "on_accent"


class LinkButton(SecondaryButton):
    """Words in the accent that act: Undo, Show all, Clear search."""

    kind = "link"
    icon_role = "accent"


class IconButton(QToolButton):
    """An icon without words: `name` becomes tooltip and accessible name."""

    def __init__(self, icon: str, name: str, parent: QWidget | None = None, role: str = "text2") -> None:
        super().__init__(parent)
        self.setProperty("kind", "flat")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setIconSize(QSize(16, 16))
        self.setAutoRaise(True)
        self.setAccessibleName(name)
        set_tooltip(self, name)
        set_icon(self, icon, role)
