"""How the window was left: its place, docks and widths, kept in a file of their own."""

from dataclasses import dataclass

from PySide6.QtCore import QSettings
from PySide6.QtWidgets import QMainWindow, QSplitter

from cache_studio.config import paths

LAYOUT = 1
"""Version of the remembered docks: raised when they are others."""


@dataclass(frozen=True, slots=True)
class Shown:
    """Which parts beside the page are wanted."""

    panel: bool = True
    entry: bool = True


class WindowMemory:
    """Keeps and brings back the look of the window. `settings` is free for what pages want to remember."""

    def __init__(self) -> None:
        self.settings = QSettings(str(paths.config_folder() / "window.ini"), QSettings.Format.IniFormat)

    def keep(self, window: QMainWindow, splitter: QSplitter, shown: Shown) -> None:
        """Remember all of it."""
        for name, value in {
            "geometry": window.saveGeometry(),
            "state": window.saveState(LAYOUT),
            "splitter": splitter.saveState(),
            "panel": shown.panel,
            "entry": shown.entry,
        }.items():
            self.settings.setValue(f"window/{name}", value)

    def bring_back(self, window: QMainWindow, splitter: QSplitter) -> Shown:
        """Lay the window out as it was left; what was never remembered stays as it is."""
        if (geometry := self.settings.value("window/geometry")) is not None:
            window.restoreGeometry(geometry)
        if (state := self.settings.value("window/state")) is not None:
            window.restoreState(state, LAYOUT)
        if (sizes := self.settings.value("window/splitter")) is not None:
            splitter.restoreState(sizes)
        return Shown(*(self.settings.value(f"window/{name}", True, type=bool) is True for name in ("panel", "entry")))
