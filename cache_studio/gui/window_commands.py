"""What the actions of the window do that are about the window: views, settings, help."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QApplication, QWidget

from cache_studio import __version__
from cache_studio.config.settings import Settings
from cache_studio.gui.actions import ActionSet
from cache_studio.gui.controller import Controller
from cache_studio.gui.dressing import dress
from cache_studio.gui.entry_dock import EntryDock
from cache_studio.gui.look.text import tr
from cache_studio.gui.messages import show_error, show_notice
from cache_studio.gui.tabs import ACTIVITY, DASHBOARD, ENTRIES
from cache_studio.gui.trash.trash_place import TrashPlace
from cache_studio.model.errors import CacheStudioError

if TYPE_CHECKING:
    from cache_studio.gui.cache_page import CachePage


class Host(Protocol):
    """What the handlers need of the window besides being a parent of dialogs."""

    controller: Controller
    dock: EntryDock
    action_set: ActionSet
    trash: TrashPlace

    def current_page(self) -> CachePage | None:
        """The page that is shown."""

    def want_panel(self, wanted: bool) -> None:
        """Whether the caches panel is shown."""

    def show_start(self) -> None:
        """Bring the start page to the front."""


class WindowCommands(QObject):
    """The handlers of the actions that need no cache, or are about its page."""

    def __init__(self, window: QWidget, host: Host) -> None:
        super().__init__(window)
        self._parent, self._window = window, host

    # -- views -----------------------------------------------------------------------------------------------

    def find(self) -> None:
        """Put the cursor into the search box."""
        page = self._window.current_page()
        if page is not None:
            page.show_tab(ENTRIES)
            page.entries.focus_search()

    def show_entries(self) -> None:
        """The tab Entries."""
        self._show_tab(ENTRIES)

    def show_dashboard(self) -> None:
        """The tab Dashboard."""
        self._show_tab(DASHBOARD)

    def show_activity(self) -> None:
        """The tab Activity."""
        self._show_tab(ACTIVITY)

    def _show_tab(self, tab: int) -> None:
        page = self._window.current_page()
        if page is not None:
            page.show_tab(tab)

    def toggle_caches(self) -> None:
        """Show or hide the caches panel."""
        self._window.want_panel(self._window.action_set["toggle_caches"].isChecked())

    def toggle_facets(self) -> None:
        """Show or hide the facets."""
        page = self._window.current_page()
        if page is not None:
            page.entries.facets.setVisible(self._window.action_set["toggle_facets"].isChecked())

    def toggle_entry(self) -> None:
        """Show or hide the dock of the entry."""
        self._window.dock.set_wanted(self._window.action_set["toggle_entry"].isChecked())

    def start_page(self) -> None:
        """The start page."""
        self._window.show_start()

    # -- the program -----------------------------------------------------------------------------------------

    def settings(self) -> None:
        """Change the settings."""
        controller = self._window.controller
        if not controller.is_ready:
            return
        from cache_studio.gui.dialogs.settings_dialog import SettingsDialog  # dialogs are loaded when they are needed

        page = self._window.current_page()
        target = controller.studio.settings.target_hit_rate if page is None else page.attachment.place.target_hit_rate
        dialog = SettingsDialog(self._parent, controller.studio.settings, target)
        dialog.accepted.connect(lambda: self._keep(dialog.settings(), dialog.target_hit_rate()))
        dialog.open()

    def _keep(self, settings: Settings, target_hit_rate: float) -> None:
        controller, page = self._window.controller, self._window.current_page()
        if page is not None:
            controller.aim_at(page.attachment, target_hit_rate)
        app = QApplication.instance()
        if isinstance(app, QApplication):
            dress(app, settings)
        controller.tasks.run(
            "save settings",
            lambda _stop: controller.studio.save(settings),
            lambda _none: self._window.trash.tidy(),
            self._show,
        )

    def _show(self, error: CacheStudioError) -> None:
        show_error(self._parent, error)

    def palette(self) -> None:
        """Every action by a few letters of its name."""
        from cache_studio.gui.dialogs.palette_dialog import PaletteDialog  # dialogs are loaded when they are needed

        shown = [line for line in self._window.action_set.all() if line[0].objectName() != "palette"]
        PaletteDialog(self._parent, shown).open()

    def shortcuts(self) -> None:
        """The page of all keys."""
        from cache_studio.gui.dialogs.shortcuts_dialog import ShortcutsDialog  # dialogs are loaded when they are needed

        ShortcutsDialog(self._parent).open()

    def about(self) -> None:
        """Which version this is."""
        words = tr("See what your caches hold, whether they earn their keep, and clean them without fear.")
        show_notice(self._parent, f"Cache Studio {__version__}. {words}")

    def quit(self) -> None:
        """Close the window; the program ends with it."""
        self._parent.close()
