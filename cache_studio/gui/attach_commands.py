"""What the actions of the window do about what is attached: attach by any way, detach, allow changes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from threading import Event
from typing import TYPE_CHECKING, Protocol

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QFileDialog, QWidget

from cache_studio.gui.controller import Controller
from cache_studio.gui.messages import show_error
from cache_studio.model.environments import starts_writable
from cache_studio.model.errors import CacheStudioError
from cache_studio.model.targets import parse_target

if TYPE_CHECKING:
    from cache_studio.gui.attach_dialog import AttachDialog
    from cache_studio.gui.cache_page import CachePage
    from cache_studio.gui.server_dialog import ChosenServer

REDIS = "redis://localhost:6379/0"


class Host(Protocol):
    """What the handlers need of the window besides being a parent of dialogs."""

    controller: Controller

    def current_page(self) -> CachePage | None:
        """The page that is shown."""

    def attach_all(self, targets: Sequence[str]) -> None:
        """Attach some targets."""

    def update_actions(self) -> None:
        """Enable and check what makes sense now."""


class AttachCommands(QObject):
    """The handlers of the actions by which caches come, go and are opened for changes."""

    def __init__(self, window: QWidget, host: Host, demo: Callable[[], Sequence[str]] | None) -> None:
        super().__init__(window)
        self._parent, self._window, self._demo = window, host, demo

    def attach(self) -> None:
        """Choose what to attach and how."""
        self.attach_dialog("")

    def attach_dialog(self, text: str) -> None:
        """The attach dialog on a target."""
        if self._window.controller.is_ready:
            self._open_attach(text)

    def _open_attach(self, text: str) -> AttachDialog:
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

    def _attach_server(self, chosen: ChosenServer) -> None:
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

    def _show(self, error: CacheStudioError) -> None:
        show_error(self._parent, error)
