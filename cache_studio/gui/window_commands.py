"""What the actions of the window do that are about the window: attach, detach, views, settings, help."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from threading import Event
from typing import TYPE_CHECKING, Protocol

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QApplication, QFileDialog, QWidget

from cache_studio import __version__
from cache_studio.config.settings import Settings
from cache_studio.gui.actions import ActionSet
from cache_studio.gui.cache_page import ACTIVITY, DASHBOARD, ENTRIES, CachePage
from cache_studio.gui.controller import Controller
from cache_studio.gui.dressing import dress
from cache_studio.gui.entry_dock import EntryDock
from cache_studio.gui.look.text import tr
from cache_studio.gui.messages import show_error, show_notice
from cache_studio.gui.trash.trash_place import TrashPlace
from cache_studio.model.environments import starts_writable
from cache_studio.model.errors import CacheStudioError
from cache_studio.model.targets import parse_target

if TYPE_CHECKING:
    from cache_studio.gui.attach_dialog import AttachDialog
    from cache_studio.gui.server_dialog import ChosenServer

REDIS = "redis://localhost:6379/0"


class Host(Protocol):
    """What the handlers need of the window besides being a parent of dialogs."""

    controller: Controller
    dock: EntryDock
    action_set: ActionSet
    trash: TrashPlace

    def current_page(self) -> CachePage | None:
        """The page that is shown."""

    def attach_all(self, targets: Sequence[str]) -> None:
        """Attach some targets."""

    def want_panel(self, wanted: bool) -> None:
        """Whether the caches panel is shown."""

    def show_start(self) -> None:
        """Bring the start page to the front."""

    def update_actions(self) -> None:
        """Enable and check what makes sense now."""


class WindowCommands(QObject):
    """The handlers of the actions that need no cache, or are about its page."""

    def __init__(self, window: QWidget, host: Host, demo: Callable[[], Sequence[str]] | None) -> None:
        super().__init__(window)
        self._parent, self._window, self._demo = window, host, demo

    # -- attaching -------------------------------------------------------------------------------------------

    def attach(self) -> None:
        """Choose what to attach and how."""
        self.attach_dialog("")

    def attach_dialog(self, text: str) -> None:
        """The attach dialog on a target."""
        if self._window.controller.is_ready:
            self._open_attach(text)

    def _open_attach(self, text: str) -> "AttachDialog":
        from cache_studio.gui.attach_dialog import AttachDialog  # loaded when it is needed

        controller = self._window.controller
        dialog = AttachDialog(self._parent, controller, text)
        dialog.decided.connect(controller.attach_remembered)
        dialog.open()
        return dialog

    def open_file(self) -> None:
        """Choose a file and attach it."""
        self._choose(QFileDialog.FileMode.ExistingFile)

    def open_folder(self) -> None:
        """Choose a folder and attach it."""
        self._choose(QFileDialog.FileMode.Directory)

    def connect_redis(self) -> None:
        """The form of a server, and with what it says the attach dialog."""
        if not self._window.controller.is_ready:
            return
        from cache_studio.gui.server_dialog import ServerDialog  # loaded when it is needed

        dialog = ServerDialog(self._parent, self._window.controller, parse_target(REDIS))
        dialog.decided.connect(self._attach_server)
        dialog.open()

    def _attach_server(self, chosen: "ChosenServer") -> None:
        self._open_attach(str(chosen.target)).take_server(chosen)

    def _choose(self, mode: QFileDialog.FileMode) -> None:
        dialog = QFileDialog(self._parent)
        dialog.setFileMode(mode)
        dialog.filesSelected.connect(self._window.attach_all)
        dialog.open()

    def detach(self) -> None:
        """Let the cache go that is shown."""
        page = self._window.current_page()
        if page is not None:
            self._window.controller.detach(page.attachment)

    def allow_changes(self) -> None:
        """Attach the shown cache for writing, or read-only again; a server that opens read-only is asked about."""
        page = self._window.current_page()
        if page is None:
            return
        attachment, place = page.attachment, page.attachment.place

        def switch() -> None:
            self._window.controller.reattach(attachment, replace(place, writable=not place.writable))

        if place.writable or starts_writable(place.target, place.environment):
            switch()
            return
        from cache_studio.gui.dialogs.allow_changes_dialog import AllowChangesDialog  # loaded when it is needed

        dialog = AllowChangesDialog(self._parent, place)
        dialog.accepted.connect(switch)
        dialog.rejected.connect(self._window.update_actions)  # the check mark of the menu came with the click
        dialog.open()

    def demo(self) -> None:
        """Start the demo and attach its caches."""
        demo = self._demo
        if demo is None:
            return

        def work(_stop: Event) -> Sequence[str]:
            return demo()

        self._window.controller.tasks.run("demo", work, self._window.attach_all, self._show)

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
