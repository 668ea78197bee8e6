"""The attach dialog: a target, what it could be, the options of that format, how to attach it."""

import os
from dataclasses import dataclass, replace
from threading import Event
from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QFileDialog,
    QFormLayout,
    QFrame,
    QHBoxLayout,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QScrollArea,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from cache_studio.adapters.registry import format_names, get_format
from cache_studio.config.secrets import why_no_keyring
from cache_studio.gui.controller import Controller
from cache_studio.gui.look.icon_paths import format_icon
from cache_studio.gui.look.icons import icon
from cache_studio.gui.look.text import display_text, plain_label, set_tooltip, tooltip_text, tr
from cache_studio.gui.mapping_preview import MappingPreview
from cache_studio.gui.option_form import OptionForm
from cache_studio.gui.server_form import ENVIRONMENTS
from cache_studio.gui.widgets.buttons import PrimaryButton, SecondaryButton
from cache_studio.gui.widgets.place_marks import unchecked_badge
from cache_studio.model.capabilities import ABILITY_WORDS
from cache_studio.model.environments import Environment, starts_writable
from cache_studio.model.errors import CacheStudioError
from cache_studio.model.targets import Target, parse_target
from cache_studio.services.mapping_preview import share
from cache_studio.services.passwords import wants_password, with_password
from cache_studio.services.proposals import Proposal, parse, propose
from cache_studio.services.studio import short_name
from cache_studio.services.whereabouts import is_unchecked

if TYPE_CHECKING:
    from cache_studio.gui.server_dialog import ChosenServer

TYPING_MS = 300
SIZE = QSize(1020, 660)
OPTIONS_WIDTH = 400


@dataclass(frozen=True)
class _Found:
    """What a look at the target found."""

    proposals: list[Proposal]
    keyring_works: bool
    """Whether there was a password, and a keyring for it."""
    is_kept: bool
    """Whether the keyring has it already."""
    environment: Environment
    """What the server is for, as far as it is known."""


class AttachDialog(QDialog):
    """Recognises what the target could be while it is typed; nothing is opened before Attach.

    Signals:
        decided(Place): attach this.
    """

    decided = Signal(object)

    def __init__(self, parent: QWidget | None, controller: Controller, text: str = "") -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Attach a cache"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._controller = controller
        self._name_edited = False
        self.target = QLineEdit(text)
        self.password = QLineEdit()
        self.keep_password = QCheckBox(tr("Remember the password in the system's keyring"))
        self.proposals = QListWidget()
        self.form = OptionForm()
        self.name = QLineEdit()
        self.rate = QSpinBox()
        self.read_only = QCheckBox(tr("Read-only: nothing in the cache can be changed from here"))
        self.message = plain_label("", "small")
        self.preview = MappingPreview(controller.tasks)
        self.share = SecondaryButton(tr("Share…"), "export")
        self.server = SecondaryButton(tr("Redis server…"), "hexagon")
        self.environment = QComboBox()
        self.unchecked = unchecked_badge()
        self._keep_wanted = self._environment_chosen = False
        self.attach = PrimaryButton(tr("Attach"))
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._look)
        self._fill()
        self._lay_out()
        self._connect()
        self._take_password_out()
        self.resize(SIZE)
        self._timer.start(0)

    def _fill(self) -> None:
        self.target.setPlaceholderText(tr("A path, or redis://host:6379/0?prefix=app:"))
        self.target.setAccessibleName(tr("Target"))
        self.password.setEchoMode(QLineEdit.EchoMode.Password)
        self.password.setPlaceholderText(tr("Password, kept until the window is closed"))
        self.password.setAccessibleName(tr("Password"))
        self.password.hide()
        self.keep_password.hide()
        self.proposals.setAccessibleName(tr("What it could be"))
        self.proposals.setIconSize(QSize(20, 20))
        self.proposals.setMaximumHeight(76)
        self.proposals.setWordWrap(True)
        self.proposals.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.name.setAccessibleName(tr("Name"))
        self.rate.setRange(0, 100)
        self.rate.setSuffix(" %")
        self.rate.setValue(round(self._controller.studio.settings.target_hit_rate * 100))
        self.rate.setAccessibleName(tr("Target hit rate"))
        self.environment.addItems([tr(words) for _mark, words in ENVIRONMENTS])
        self.environment.setAccessibleName(tr("Environment"))
        self.unchecked.hide()
        self.message.setWordWrap(True)
        set_tooltip(self.server, tr("Fill in a form for the server, and test the connection"))
        set_tooltip(self.share, tr("Write the options into cache-studio.toml of a folder, for everybody who opens it"))
        self.share.setEnabled(False)
        self.attach.setEnabled(False)
        self.attach.setDefault(True)

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
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setWidget(self.form)
        scroll.viewport().setAutoFillBackground(False)
        self.form.setAutoFillBackground(False)
        own = QFormLayout()
        own.setHorizontalSpacing(16)
        own.addRow(plain_label(tr("Name"), "note"), self.name)
        own.addRow(plain_label(tr("Target hit rate"), "note"), self.rate)
        own.addRow(plain_label(tr("Environment"), "note"), self.environment)
        self._own = own
        foot = QHBoxLayout()
        foot.addWidget(self.share)
        foot.addStretch(1)
        cancel = SecondaryButton(tr("Cancel"))
        cancel.clicked.connect(self.reject)
        foot.addWidget(cancel)
        foot.addWidget(self.attach)
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 24, 24, 20)
        column.setSpacing(10)
        column.addWidget(plain_label(tr("Attach a cache"), "heading"))
        column.addLayout(row)
        column.addWidget(self.password)
        column.addWidget(self.keep_password)
        column.addWidget(self.message)
        column.addWidget(_framed(self.proposals))
        column.addLayout(self._halves(scroll), 1)
        column.addLayout(own)
        access = QHBoxLayout()
        access.setSpacing(12)
        access.addWidget(self.read_only)
        access.addWidget(self.unchecked)
        access.addStretch(1)
        column.addLayout(access)
        column.addLayout(foot)

    def _halves(self, options: QWidget) -> QHBoxLayout:
        """The options, and beside them what they make of the first entries."""
        halves = QHBoxLayout()
        halves.setSpacing(16)
        for title, content, width in ((tr("Options"), options, OPTIONS_WIDTH), (tr("Preview"), self.preview, 0)):
            half = QVBoxLayout()
            half.setSpacing(4)
            half.addWidget(plain_label(title, "label"))
            half.addWidget(content, 1)
            if width:
                content.setFixedWidth(width)
            halves.addLayout(half, 0 if width else 1)
        return halves

    def _connect(self) -> None:
        self.target.textEdited.connect(lambda _text: self._timer.start(TYPING_MS))
        self.target.editingFinished.connect(self._take_password_out)
        self.password.textEdited.connect(lambda _text: self._timer.start(TYPING_MS * 2))
        self.proposals.currentItemChanged.connect(lambda _now, _before: self._on_proposal())
        self.name.textEdited.connect(self._on_name_edited)
        self.form.edited.connect(self._on_edited)
        self.share.clicked.connect(self._ask_where_to_share)
        self.server.clicked.connect(self._ask_for_server)
        self.environment.activated.connect(self._on_environment)
        self.attach.clicked.connect(self._decide)

    def done(self, result: int) -> None:
        """Want no answer any more."""
        self._timer.stop()
        self._controller.tasks.drop(self._task)
        self.preview.stop()
        super().done(result)

    @property
    def _task(self) -> str:
        return f"proposals {id(self)}"

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

    def _ask_for_server(self) -> None:
        from cache_studio.gui.server_dialog import ServerDialog  # loaded when it is needed

        try:
            target = with_password(parse_target(self.target.text(), format_names()), self.password.text())
        except CacheStudioError:
            target = Target("")
        environment = self._environment() if self._environment_chosen else None
        dialog = ServerDialog(self, self._controller, self._chosen() or target, environment)
        dialog.decided.connect(self.take_server)
        dialog.open()

    def take_server(self, chosen: "ChosenServer") -> None:
        """Look at the server that the form was left with."""
        self.target.setText(str(chosen.target))
        self.password.setText(chosen.target.password)
        self.password.setVisible(bool(chosen.target.password))
        self._keep_wanted = chosen.keep_password
        self._environment_chosen = True
        self._choose_environment(chosen.environment)
        self._timer.start(0)

    def _environment(self) -> Environment:
        return ENVIRONMENTS[self.environment.currentIndex()][0]

    def _choose_environment(self, wanted: Environment) -> None:
        self.environment.setCurrentIndex([mark for mark, _words in ENVIRONMENTS].index(wanted))

    def _on_environment(self) -> None:
        self._environment_chosen = True
        if (target := self._chosen()) is not None:
            self.read_only.setChecked(not starts_writable(target, self._environment()))

    def _browse(self, mode: QFileDialog.FileMode) -> None:
        dialog = QFileDialog(self)
        dialog.setFileMode(mode)
        dialog.filesSelected.connect(self._on_files)
        dialog.open()

    def _on_files(self, files: list[str]) -> None:
        self.target.setText(files[0])
        self._timer.start(0)

    def _look(self) -> None:
        text, password = self.target.text(), self.password.text()
        studio = self._controller.studio
        passwords = studio.passwords
        self.attach.setEnabled(False)
        if not text.strip():
            self.proposals.clear()
            self._say(tr("Write a path or URL, or choose a file or folder."))
            return
        self._say(tr("Looking…"))

        def work(_stop: Event) -> _Found:
            target = parse(text)
            target = with_password(target, password) if password else passwords.complete(target)
            found = propose(target)
            # Only a password that was right is worth to be remembered.
            keyring_works = bool(target.password and not why_no_keyring())
            return _Found(found, keyring_works, passwords.is_kept(target), studio.environment_of(target))

        self._controller.tasks.run(self._task, work, self._show, self._on_error)

    def _show(self, found: _Found) -> None:
        self.proposals.clear()
        for proposal in found.proposals:
            for place in proposal.places or (proposal.target.location,):
                self.proposals.addItem(self._item(proposal, place, many=len(proposal.places) > 1))
        if not self._environment_chosen:
            self._choose_environment(found.environment)
        self._say("")
        self.proposals.setCurrentRow(0)
        if found.keyring_works != self.keep_password.isVisibleTo(self):
            self.keep_password.setVisible(found.keyring_works)
            self.keep_password.setChecked(found.keyring_works and (found.is_kept or self._keep_wanted))

    def _item(self, proposal: Proposal, place: str, *, many: bool) -> QListWidgetItem:
        known = get_format(proposal.format)
        words = [display_text(place, 300)] if many else []
        words += [f"{proposal.format}: {known.title}", display_text(proposal.note, 200)]
        item = QListWidgetItem(icon(format_icon(proposal.format), size=20), " · ".join(word for word in words if word))
        offered = ", ".join(tr(word) for word, ability in ABILITY_WORDS if ability in known.abilities)
        item.setToolTip(tooltip_text(f"{proposal.note or place} {tr('This format offers')}: {offered}."))
        target = Target(place, proposal.format, proposal.target.options, proposal.target.password)
        item.setData(Qt.ItemDataRole.UserRole, replace(proposal, target=target, places=()))
        return item

    def _current(self) -> Proposal | None:
        item = self.proposals.currentItem()
        proposal: Proposal | None = None if item is None else item.data(Qt.ItemDataRole.UserRole)
        return proposal

    def _on_proposal(self) -> None:
        proposal = self._current()
        self.attach.setEnabled(proposal is not None)
        if proposal is None:
            self.form.set_options((), {})
            self._preview()
            return
        self.form.set_options(get_format(proposal.format).options, proposal.target.options)
        self._preview()
        self._own.setRowVisible(self.environment, proposal.target.is_url)
        self.read_only.setChecked(not starts_writable(proposal.target, self._environment()))
        if not self._name_edited:
            self.name.setText(display_text(short_name(proposal.target), 120))

    def _on_edited(self) -> None:
        self._say("")
        self._preview()

    def _chosen(self) -> Target | None:
        """The target with the options as they stand in the fields."""
        proposal = self._current()
        return None if proposal is None else proposal.target.with_options(self.form.values(), proposal.format)

    def _preview(self) -> None:
        target = self._chosen()
        # A server is asked nothing before Attach.
        is_path = target is not None and not target.is_url
        self.unchecked.setVisible(target is not None and is_unchecked(target))
        self.preview.show_target(target if is_path else None)
        self.share.setEnabled(is_path)

    def _ask_where_to_share(self) -> None:
        target = self._chosen()
        if target is None:
            return
        start = os.path.dirname(target.location)
        folder = QFileDialog.getExistingDirectory(self, tr("Folder of the project"), start)
        if folder:
            self.share_in(folder)

    def share_in(self, folder: str) -> None:
        """Write the options into the project file of a folder above the cache; the line below the target says so."""
        target, name = self._chosen(), self.name.text().strip()
        if target is None:
            return

        def shared(file: str) -> None:
            self._say(tr("{file} says now how to attach this cache.").replace("{file}", file))

        def refused(error: CacheStudioError) -> None:
            self._say(f"{error.message} {error.hint}".strip(), wrong=True)

        self._controller.tasks.run(f"{self._task} share", lambda _stop: share(target, name, folder), shared, refused)

    def _on_name_edited(self) -> None:
        self._name_edited = True

    def _on_error(self, error: CacheStudioError) -> None:
        self.proposals.clear()
        self.form.set_options((), {})
        if wants_password(error):
            self.password.show()
            self.password.setFocus()
        self._say(f"{error.message} {error.hint}".strip(), wrong=True)

    def _say(self, text: str, *, wrong: bool = False) -> None:
        self.message.setProperty("tone", "bad" if wrong else "plain")
        self.message.style().polish(self.message)
        self.message.setText(display_text(text, 600))
        self.message.setVisible(bool(text))

    def _decide(self) -> None:
        target = self._chosen()
        if target is None:
            return
        try:
            place = self._controller.studio.place_of(target)
        except CacheStudioError as error:
            self._say(f"{error.message} {error.hint}".strip(), wrong=True)
            return
        place = replace(
            place,
            name=self.name.text().strip() or place.name,
            writable=not self.read_only.isChecked(),
            target_hit_rate=self.rate.value() / 100,
            keep_password=self.keep_password.isChecked(),
            environment=self._environment() if target.is_url else Environment.NONE,
        )
        self.accept()
        self.decided.emit(place)


def _framed(content: QWidget) -> QFrame:
    """A list on a card of its own."""
    card = QFrame()
    card.setProperty("ground", "card")
    column = QVBoxLayout(card)
    column.setContentsMargins(4, 4, 4, 4)
    column.addWidget(content)
    return card
