"""Switching the theme dresses the application and what is already on screen."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QApplication, QPushButton
from pytestqt.qtbot import QtBot

from cache_studio.gui.look import fonts, icons, theme
from cache_studio.gui.look.colors import DARK, LIGHT, Colors
from cache_studio.gui.look.icon_paths import DEFAULT_FORMAT_ICON, FORMAT_ICONS, PATHS, format_icon
from cache_studio.gui.look.resources import resource
from cache_studio.gui.look.style_sheet import style_sheet


@pytest.fixture(autouse=True)
def _light_again(qapp: QApplication) -> Iterator[None]:
    theme.apply(qapp, "light")
    yield
    theme.apply(qapp, "light")


def test_switching_sets_palette_and_sheet_and_says_so(qapp: QApplication, qtbot: QtBot) -> None:
    with qtbot.waitSignal(theme.theme().changed):
        theme.apply(qapp, "dark")
    assert theme.colors() is DARK
    assert qapp.palette().color(QPalette.ColorRole.Window).name().upper() == DARK.window
    assert DARK.accent in qapp.styleSheet()
    theme.apply(qapp, "light")
    assert qapp.palette().color(QPalette.ColorRole.Base).name().upper() == LIGHT.surface
    assert DARK.accent not in qapp.styleSheet()


def test_system_mode_is_light_where_the_system_says_nothing(qapp: QApplication) -> None:
    theme.apply(qapp, "system")
    assert theme.colors() is LIGHT


def test_density_and_motion_are_told(qtbot: QtBot) -> None:
    current = theme.theme()
    with qtbot.waitSignal(current.changed):
        current.set_density(theme.Density.ROOMY)
    with qtbot.waitSignal(current.changed):
        current.set_reduced_motion(True)
    assert (int(current.density), current.reduced_motion) == (36, True)
    current.set_density(theme.Density.COMFORTABLE)
    current.set_reduced_motion(False)


@pytest.mark.parametrize("colors", [LIGHT, DARK], ids=["light", "dark"])
def test_no_role_is_left_open_in_the_sheet(colors: Colors) -> None:
    assert "$" not in style_sheet(colors)


@pytest.mark.parametrize("colors", [LIGHT, DARK], ids=["light", "dark"])
def test_the_pictures_named_in_the_sheet_are_there(colors: Colors) -> None:
    named = re.findall(r'url\("([^"]+)"\)', style_sheet(colors))
    assert named
    assert [path for path in named if not Path(path).is_file()] == []


def test_what_is_gone_does_not_hear_of_a_new_theme(qapp: QApplication, qtbot: QtBot) -> None:
    button = QPushButton("Stop")
    icons.set_icon(button, "stop")
    with qtbot.waitSignal(button.destroyed):
        button.deleteLater()
    theme.apply(qapp, "dark")
    assert theme.colors() is DARK


def test_bundled_fonts_are_used(qapp: QApplication) -> None:
    assert {"Inter", "JetBrains Mono"} <= fonts.load_fonts()
    assert (fonts.text_font(11).family(), fonts.text_font(11).pixelSize()) == ("Inter", 11)
    assert fonts.mono_font().family() == "JetBrains Mono"
    assert "SIL OPEN FONT LICENSE Version 1.1" in resource("fonts/Inter-LICENSE.txt").read_text()


@pytest.mark.parametrize("name", sorted(PATHS))
def test_every_icon_draws_something(qapp: QApplication, name: str) -> None:
    picture = icons.pixmap(name, "#000000", 16, 2.0).toImage()
    inked = [1 for x in range(32) for y in range(32) if picture.pixelColor(x, y).alpha() > 128]
    assert len(inked) > 3
    edge = [picture.pixelColor(x, y).alpha() for x in range(32) for y in (0, 31)]
    assert max(edge) < 128, "the icon is cut at the top or bottom"


def test_a_format_has_an_icon_also_where_it_is_unknown() -> None:
    assert set(FORMAT_ICONS.values()) | {DEFAULT_FORMAT_ICON} <= set(PATHS)
    assert format_icon("redis-response") == format_icon("redis") == "hexagon"
    assert format_icon("somebody's plug-in") == DEFAULT_FORMAT_ICON


def test_icons_follow_the_theme(qapp: QApplication, qtbot: QtBot) -> None:
    button = QPushButton("Stop")
    qtbot.addWidget(button)
    icons.set_icon(button, "stop")
    before = button.icon().cacheKey()
    theme.apply(qapp, "dark")
    assert button.icon().cacheKey() != before
    icons.set_icon(button, "pause")
    after = button.icon().cacheKey()
    theme.theme().changed.emit()
    assert button.icon().cacheKey() != after
