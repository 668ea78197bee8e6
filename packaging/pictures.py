#!/usr/bin/env python3
"""Makes the pictures of the README from the real window on the demo: `python3 packaging/dev.py pictures [SECONDS]`.

The window is drawn offscreen; the demo works for SECONDS (120 by default) before the pictures of it are taken.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PySide6.QtWidgets import QApplication, QWidget

    from cache_studio.gui.cache_page import CachePage
    from cache_studio.gui.main_window import MainWindow

PLACE = Path(__file__).parents[1] / "resources" / "screenshots"


def main() -> None:
    """Take every picture into resources/screenshots."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 120.0
    with tempfile.TemporaryDirectory(prefix="cache-studio-pictures-") as home:
        os.environ["CACHE_STUDIO_HOME"] = home
        PLACE.mkdir(exist_ok=True)
        take_all(seconds)


def take_all(seconds: float) -> None:
    """The window, from its first page to a plan."""
    from cache_studio.config.settings import Settings
    from cache_studio.gui.app import application, dress
    from cache_studio.services.demo import Demo

    app = application([])
    dress(app, Settings(theme="light", reduced_motion=True))
    from cache_studio.gui.main_window import MainWindow  # after the fonts: widgets measure text when they are made

    with Demo(start_redis=True) as demo:
        window = MainWindow(demo.start)
        window.show()
        window.begin([])
        spin(app, 5)
        grab(window, "start-light")
        window.attach_all(demo.start())
        spin(app, seconds)
        entries(app, window)
        plan(app, window)
        dashboard(app, window)
        window.close()
        spin(app, 1)
        window.controller.wait_closed(10)


def entries(app: QApplication, window: MainWindow) -> None:
    """The list of the operations, an entry chosen."""
    from cache_studio.gui.cache_page import ENTRIES

    page = page_of(window, "multi-level")
    page.show_tab(ENTRIES)
    spin(app, 3)
    page.entries.table.selectRow(4)
    spin(app, 4)
    grab(window, "entries-light")


def plan(app: QApplication, window: MainWindow) -> None:
    """What purging would do, over the window."""
    window.action_set["purge"].trigger()
    spin(app, 4)
    dialog = app.activeModalWidget()
    assert dialog is not None
    grab(dialog, "purge-plan-light")
    dialog.close()
    spin(app, 1)


def dashboard(app: QApplication, window: MainWindow) -> None:
    """The figures of the operations, in the dark."""
    from cache_studio.gui.cache_page import DASHBOARD
    from cache_studio.gui.look import theme

    theme.apply(app, "dark")
    page_of(window, "multi-level").show_tab(DASHBOARD)
    spin(app, 6)
    grab(window, "dashboard-dark")


def page_of(window: MainWindow, format_name: str) -> CachePage:
    """Bring the cache of a format to the front."""
    for attachment in window.controller.attachments:
        if attachment.place.format.name == format_name:
            window.show_cache(attachment)
            page = window.current_page()
            assert page is not None
            return page
    raise LookupError(format_name)


def spin(app: QApplication, seconds: float) -> None:
    """Let the window work for so long."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        app.processEvents()
        time.sleep(0.01)


def grab(widget: QWidget, name: str) -> None:
    """Keep one picture."""
    widget.grab().save(str(PLACE / f"{name}.png"))
    print(PLACE / f"{name}.png")


if __name__ == "__main__":
    main()
