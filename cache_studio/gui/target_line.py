"""The line of a target: what is written, its password beside it, and a look in the background at what it could be."""

from dataclasses import dataclass
from threading import Event

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QCheckBox, QFileDialog, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from cache_studio.adapters.registry import format_names
from cache_studio.config.secrets import why_no_keyring
from cache_studio.gui.controller import Controller
from cache_studio.gui.look.text import set_tooltip, tr
from cache_studio.gui.widgets.buttons import SecondaryButton
from cache_studio.model.environments import Environment
from cache_studio.model.errors import CacheStudioError
from cache_studio.model.targets import Target, parse_target
from cache_studio.services.passwords import wants_password, with_password
from cache_studio.services.proposals import Proposal, parse, propose

TYPING_MS = 300
"""How long nothing is typed before a look; twice as long for a password."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a look at the target found."""

    proposals: list[Proposal]
    keyring_works: bool
    """Whether there was a password, and a keyring for it."""
    is_kept: bool
    """Whether the keyring has it already."""
    environment: Environment
    """What the server is for, as far as it is known."""


class TargetLine(QWidget):
    """Looks at the target while it is typed; a later look replaces the one under way. It opens nothing.

    Signals:
        emptied(): nothing is written any more.
        looking(): a look began; what was found before is not of this text.
        found(Found): what came of it.
        refused(CacheStudioError): why nothing came of it.
        server_requested(): fill in a form instead.
    """

    emptied = Signal()
    looking = Signal()
    found = Signal(object)
    refused = Signal(object)
    server_requested = Signal()

    def __init__(self, controller: Controller, text: str) -> None:
        super().__init__()
        self._controller = controller
        self._task = f"proposals {id(self)}"
        self._keep_wanted = False
        self.target = QLineEdit(text)
        self.password = QLineEdit()
        self.keep_password = QCheckBox(tr("Remember the password in the system's keyring"))
        self.server = SecondaryButton(tr("Redis server…"), "hexagon")
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._look)
        self._fill()
        self._lay_out()
        self.target.textEdited.connect(lambda _text: self._timer.start(TYPING_MS))
        self.target.editingFinished.connect(self._take_password_out)
        self.password.textEdited.connect(lambda _text: self._timer.start(TYPING_MS * 2))
        self.server.clicked.connect(self.server_requested)
        self._take_password_out()
        self.look_soon()

    def look_soon(self) -> None:
        """Look as soon as the event loop runs."""
        self._timer.start(0)

    def stop(self) -> None:
        """Want no answer any more."""
        self._timer.stop()
        self._controller.tasks.drop(self._task)

    def written(self) -> Target:
        """What is written, with its password; an empty target where it is none."""
        try:
            return with_password(parse_target(self.target.text(), format_names()), self.password.text())
        except CacheStudioError:
            return Target("")

    def write(self, target: Target, keep_password: bool) -> None:
        """Show this target and look at it; `keep_password`: what is wanted where a keyring works."""
        self.target.setText(str(target))
        self.password.setText(target.password)
        self.password.setVisible(bool(target.password))
        self._keep_wanted = keep_password
        self.look_soon()

    def _fill(self) -> None:
        self.target.setPlaceholderText(tr("A path, or redis://host:6379/0?prefix=app:"))
        self.target.setAccessibleName(tr("Target"))
        self.password.setEchoMode(QLineEdit.EchoMode.Password)
        self.password.setPlaceholderText(tr("Password, kept until the window is closed"))
        self.password.setAccessibleName(tr("Password"))
        self.password.hide()
        self.keep_password.hide()
        set_tooltip(self.server, tr("Fill in a form for the server, and test the connection"))

    def _lay_out(self) -> None:
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.target, 1)
        for text, symbol, mode in (
            (tr("File…"), "file", QFileDialog.FileMode.ExistingFile),
            (tr("Folder…"), "folder", QFileDialog.FileMode.Directory),
        ):
            button = SecondaryButton(text, symbol)
            button.clicked.connect(lambda _checked=False, mode=mode: self._browse(mode))
            row.addWidget(button)
        row.addWidget(self.server)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(10)
        column.addLayout(row)
        column.addWidget(self.password)
        column.addWidget(self.keep_password)

    def _browse(self, mode: QFileDialog.FileMode) -> None:
        dialog = QFileDialog(self)
        dialog.setFileMode(mode)
        dialog.filesSelected.connect(self._on_files)
        dialog.open()

    def _on_files(self, files: list[str]) -> None:
        self.target.setText(files[0])
        self.look_soon()

    def _take_password_out(self) -> None:
        """What was written into the URL goes where it cannot be read."""
        try:
            target = parse_target(self.target.text(), format_names())
        except CacheStudioError:
            return
        if target.password:
            self.target.setText(str(target))
            self.password.setText(target.password)
            self.password.show()

    def _look(self) -> None:
        text, password = self.target.text(), self.password.text()
        studio = self._controller.studio
        passwords = studio.passwords
        if not text.strip():
            self._controller.tasks.drop(self._task)
            self.emptied.emit()
            return
        self.looking.emit()

        def work(_stop: Event) -> Found:
            target = parse(text)
            target = with_password(target, password) if password else passwords.complete(target)
            proposals = propose(target)
            # Only a password that was right is worth to be remembered.
            keyring_works = bool(target.password and not why_no_keyring())
            return Found(proposals, keyring_works, passwords.is_kept(target), studio.environment_of(target))

        self._controller.tasks.run(self._task, work, self._show, self._refuse)

    def _show(self, found: Found) -> None:
        if found.keyring_works != self.keep_password.isVisibleTo(self):
            self.keep_password.setVisible(found.keyring_works)
            self.keep_password.setChecked(found.keyring_works and (found.is_kept or self._keep_wanted))
        self.found.emit(found)

    def _refuse(self, error: CacheStudioError) -> None:
        if wants_password(error):
            self.password.show()
            self.password.setFocus()
        self.refused.emit(error)
