"""Dresses the application as the settings say, at the start and when they change."""

from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QApplication

from cache_studio.config.settings import Settings
from cache_studio.gui.look import theme
from cache_studio.gui.look.fonts import load_fonts
from cache_studio.gui.look.resources import resource


def dress(app: QApplication, settings: Settings) -> None:
    """Fonts, icon and theme as the settings say."""
    load_fonts()
    app.setWindowIcon(QIcon(str(resource("icons") / "cache-studio.svg")))
    mode = settings.theme if settings.theme in ("light", "dark") else "system"
    current = theme.apply(app, mode)  # type: ignore[arg-type]  # checked in the line above
    current.set_density(theme.Density[settings.density.upper()])
    current.set_reduced_motion(settings.reduced_motion)
