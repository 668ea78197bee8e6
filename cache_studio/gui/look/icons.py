"""Line icons drawn from path data at the screen's ratio, in one colour of the theme, restyled when it changes."""

from functools import lru_cache
from typing import Protocol, cast

from PySide6.QtCore import QByteArray, QObject, QRectF, QSize, Qt
from PySide6.QtGui import QIcon, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

from cache_studio.gui.look import theme
from cache_studio.gui.look.icon_paths import PATHS

STROKE = 1.4
_RATIOS = (1.0, 1.5, 2.0, 3.0)


class _HasIcon(Protocol):
    def setIcon(self, icon: QIcon, /) -> None:
        """As Qt's buttons and actions do."""


@lru_cache(maxsize=512)
def _renderer(name: str, color: str, stroke: float) -> QSvgRenderer:
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><path d="{PATHS[name]}" fill="none" '
        f'stroke="{color}" stroke-width="{stroke}" stroke-linecap="round" stroke-linejoin="round"/></svg>'
    )
    return QSvgRenderer(QByteArray(svg.encode()))


def paint_icon(painter: QPainter, rect: QRectF, name: str, color: str) -> None:
    """Draw the icon `name` into the square `rect` in `color` (#RRGGBB)."""
    _renderer(name, color, STROKE).render(painter, rect)


def pixmap(name: str, color: str, size: int = 16, ratio: float = 1.0, trailing: int = 0) -> QPixmap:
    """The icon as a picture of `size` logical pixels for a screen of `ratio`, with room of `trailing` at its right."""
    picture = QPixmap(QSize(round((size + trailing) * ratio), round(size * ratio)))
    picture.setDevicePixelRatio(ratio)
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    paint_icon(painter, QRectF(0, 0, size, size), name, color)
    painter.end()
    return picture


def icon(name: str, role: str = "text", size: int = 16, trailing: int = 0) -> QIcon:
    """A QIcon in the colour role `role`, greyed when disabled; `set_icon` gives one that follows the theme."""
    colors = theme.colors()
    result = QIcon()
    for ratio in _RATIOS:
        result.addPixmap(pixmap(name, getattr(colors, role), size, ratio, trailing), QIcon.Mode.Normal)
        result.addPixmap(pixmap(name, colors.disabled, size, ratio, trailing), QIcon.Mode.Disabled)
    return result


class _LiveIcon(QObject):
    """Child of the target; gives it the icon again whenever the theme changes, and goes with it."""

    def __init__(self, target: QObject, name: str, role: str, size: int, trailing: int) -> None:
        super().__init__(target)
        self._name, self._role, self._size, self._trailing = name, role, size, trailing
        theme.theme().changed.connect(self.draw)
        self.draw()

    def draw(self) -> None:
        """Give the target its icon in the colours in force."""
        cast(_HasIcon, self.parent()).setIcon(icon(self._name, self._role, self._size, self._trailing))


def set_icon(target: QObject, name: str, role: str = "text", size: int = 16, trailing: int = 0) -> None:
    """Give a button or action the icon `name` in colour role `role`; it follows the theme. Call again to replace.

    `trailing` pixels of room stand between it and the words of a button.
    """
    for old in target.findChildren(_LiveIcon, options=Qt.FindChildOption.FindDirectChildrenOnly):
        theme.theme().changed.disconnect(old.draw)
        old.deleteLater()
    _LiveIcon(target, name, role, size, trailing)
