"""The theme of the running application: light or dark, density, motion. Widgets ask `colors()` when they paint."""

from enum import IntEnum
from functools import lru_cache
from typing import Literal

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QApplication

from cache_studio.gui.look.colors import DARK, LIGHT, Colors
from cache_studio.gui.look.fonts import text_font
from cache_studio.gui.look.palette import palette
from cache_studio.gui.look.style_sheet import style_sheet

Mode = Literal["system", "light", "dark"]
_SCHEMES = {
    "system": Qt.ColorScheme.Unknown,
    "light": Qt.ColorScheme.Light,
    "dark": Qt.ColorScheme.Dark,
}


class Density(IntEnum):
    """Row height of tables in pixels."""

    COMPACT = 24
    COMFORTABLE = 28
    ROOMY = 36


class Theme(QObject):
    """What the window looks like now. One for a process: see `theme()`.

    Signals:
        changed(): colours, density or motion are others now; palette and style sheet are already set.
    """

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._mode: Mode = "system"
        self._colors = LIGHT
        self._density = Density.COMFORTABLE
        self._reduced_motion = False
        self._app: QApplication | None = None

    @property
    def mode(self) -> Mode:
        """What was chosen: system, light or dark."""
        return self._mode

    @property
    def colors(self) -> Colors:
        """The table in force."""
        return self._colors

    @property
    def density(self) -> Density:
        """Row height of tables."""
        return self._density

    @property
    def reduced_motion(self) -> bool:
        """True where nothing may pulse or slide."""
        return self._reduced_motion

    def set_density(self, density: Density) -> None:
        """Choose the row height of all tables."""
        if density != self._density:
            self._density = density
            self.changed.emit()

    def set_reduced_motion(self, reduced: bool) -> None:
        """Say whether motion is to be left out."""
        if reduced != self._reduced_motion:
            self._reduced_motion = reduced
            self.changed.emit()

    def set_mode(self, app: QApplication, mode: Mode) -> None:
        """Dress `app` in `mode` and follow the system where it is "system"."""
        if self._app is not app:
            self._app = app
            app.setStyle("Fusion")
            app.setFont(text_font(13))
            app.styleHints().colorSchemeChanged.connect(self._on_scheme_changed)
        self._mode = mode
        # A no-op on some platforms, needed for native title bars on others; Unknown asks for the system's own.
        app.styleHints().setColorScheme(_SCHEMES[mode])
        self._dress()

    def _on_scheme_changed(self) -> None:
        self._dress()

    def _dress(self) -> None:
        if self._app is None:
            return
        self._colors = DARK if self._is_dark(self._app) else LIGHT
        self._app.setPalette(palette(self._colors))
        self._app.setStyleSheet(style_sheet(self._colors))
        self.changed.emit()

    def _is_dark(self, app: QApplication) -> bool:
        if self._mode == "system":
            return app.styleHints().colorScheme() == Qt.ColorScheme.Dark
        return self._mode == "dark"


_theme: Theme | None = None


def theme() -> Theme:
    """The one theme of this process; it exists before `apply`, light and comfortable."""
    global _theme
    if _theme is None:
        _theme = Theme()
    return _theme


def apply(app: QApplication, mode: Mode = "system") -> Theme:
    """Dress the application in Fusion with our palette, fonts and style sheet; may be called again to switch."""
    current = theme()
    current.set_mode(app, mode)
    return current


def colors() -> Colors:
    """The colours in force now. Ask again at each paint; do not keep them."""
    return (_theme or theme()).colors


def color(name: str, alpha: int = 255) -> QColor:
    """The QColor of a role such as "text2" (not a TTL state), with `alpha` 0 to 255. Copy it to change it."""
    return shade(getattr(colors(), name), alpha)


@lru_cache(maxsize=256)
def shade(code: str, alpha: int = 255) -> QColor:
    """The QColor of `#RRGGBB`; kept, because delegates ask for it in every cell they draw. Copy it to change it."""
    result = QColor(code)
    result.setAlpha(alpha)
    return result
