"""Inter for text and JetBrains Mono for keys, from `resources/fonts`; the system's own where they are missing."""

from functools import cache, lru_cache

from PySide6.QtGui import QFont, QFontDatabase

from cache_studio.gui.look.resources import resource

REGULAR = QFont.Weight.Normal
MEDIUM = QFont.Weight.Medium
SEMIBOLD = QFont.Weight.DemiBold

_LIGATURES = ("liga", "calt", "clig", "dlig")


@cache
def load_fonts() -> frozenset[str]:
    """Load the bundled fonts once; returns the families that are there now. Needs a QGuiApplication."""
    families: set[str] = set()
    for path in sorted(resource("fonts").glob("*.[ot]tf")):
        number = QFontDatabase.addApplicationFont(str(path))
        if number >= 0:
            families.update(QFontDatabase.applicationFontFamilies(number))
    return frozenset(families)


@lru_cache(maxsize=64)
def text_font(size: int = 13, weight: QFont.Weight = REGULAR) -> QFont:
    """The text font at `size` pixels, with tabular figures where Qt can switch them on. Copy it to change it."""
    font = QFont("Inter") if "Inter" in load_fonts() else _system(QFontDatabase.SystemFont.GeneralFont)
    _set(font, size, weight)
    _feature(font, "tnum", 1)
    return font


@lru_cache(maxsize=64)
def mono_font(size: int = 12, weight: QFont.Weight = REGULAR) -> QFont:
    """The font of keys, targets, expressions and trees at `size` pixels, ligatures off. Copy it to change it."""
    bundled = "JetBrains Mono" in load_fonts()
    font = QFont("JetBrains Mono") if bundled else _system(QFontDatabase.SystemFont.FixedFont)
    _set(font, size, weight)
    for name in _LIGATURES:
        _feature(font, name, 0)
    return font


def _system(which: QFontDatabase.SystemFont) -> QFont:
    return QFont(QFontDatabase.systemFont(which))


def _set(font: QFont, size: int, weight: QFont.Weight) -> None:
    font.setPixelSize(size)
    font.setWeight(weight)
    font.setHintingPreference(QFont.HintingPreference.PreferVerticalHinting)


def _feature(font: QFont, name: str, value: int) -> None:
    if hasattr(font, "setFeature"):  # Qt 6.7 and later
        font.setFeature(QFont.Tag.fromString(name), value)
