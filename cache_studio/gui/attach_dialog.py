"""The attach dialog: a target, what it could be, the options of that format, how to attach it."""

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QDialog, QFileDialog, QFrame, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from cache_studio.adapters.registry import get_format
from cache_studio.gui.attach_fields import AttachFields
from cache_studio.gui.controller import Controller
from cache_studio.gui.look.text import display_text, plain_label, set_tooltip, tr
from cache_studio.gui.mapping_preview import MappingPreview
from cache_studio.gui.option_form import OptionForm
from cache_studio.gui.proposal_list import ProposalList
from cache_studio.gui.target_line import Found, TargetLine
from cache_studio.gui.widgets.buttons import PrimaryButton, SecondaryButton
from cache_studio.model.errors import CacheStudioError
from cache_studio.model.targets import Target
from cache_studio.services.mapping_preview import share

if TYPE_CHECKING:
    from cache_studio.gui.server_dialog import ChosenServer

SIZE = QSize(1020, 660)
OPTIONS_WIDTH = 400


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
        self._share_task = f"share {id(self)}"
        self.line = line = TargetLine(controller, text)
        self.message = plain_label("", "small")
        self.message.setWordWrap(True)
        self.proposals = ProposalList()
        self.form = OptionForm()
        self.preview = MappingPreview(controller.tasks)
        self.fields = fields = AttachFields(controller.studio.settings.target_hit_rate)
        # What a user fills in, whichever part holds it.
        self.target, self.password, self.keep_password, self.server = (
            line.target, line.password, line.keep_password, line.server
        )  # fmt: skip
        self.name, self.read_only, self.unchecked = fields.name, fields.read_only, fields.unchecked
        self.share = SecondaryButton(tr("Share…"), "export")
        set_tooltip(self.share, tr("Write the options into cache-studio.toml of a folder, for everybody who opens it"))
        self.share.setEnabled(False)
        self.attach = PrimaryButton(tr("Attach"))
        self.attach.setEnabled(False)
        self.attach.setDefault(True)
        self._lay_out()
        self._connect()
        self.resize(SIZE)

    def _lay_out(self) -> None:
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setWidget(self.form)
        scroll.viewport().setAutoFillBackground(False)
        self.form.setAutoFillBackground(False)
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
        column.addWidget(self.line)
        column.addWidget(self.message)
        column.addWidget(_framed(self.proposals))
        column.addLayout(self._halves(scroll), 1)
        column.addWidget(self.fields)
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
        self.line.emptied.connect(self._on_emptied)
        self.line.looking.connect(self._on_looking)
        self.line.found.connect(self._on_found)
        self.line.refused.connect(self._on_refused)
        self.line.server_requested.connect(self._ask_for_server)
        self.proposals.currentItemChanged.connect(lambda _now, _before: self._on_proposal())
        self.form.edited.connect(self._on_edited)
        self.share.clicked.connect(self._ask_where_to_share)
        self.attach.clicked.connect(self._decide)

    def done(self, result: int) -> None:
        """Want no answer any more."""
        self.line.stop()
        self._controller.tasks.drop(self._share_task)
        self.preview.stop()
        super().done(result)

    def take_server(self, chosen: "ChosenServer") -> None:
        """Look at the server that the form was left with."""
        self.fields.say_environment(chosen.environment)
        self.line.write(chosen.target, chosen.keep_password)

    def _ask_for_server(self) -> None:
        from cache_studio.gui.server_dialog import ServerDialog  # loaded when it is needed

        target = self._chosen() or self.line.written()
        dialog = ServerDialog(self, self._controller, target, self.fields.said_environment())
        dialog.decided.connect(self.take_server)
        dialog.open()

    def _on_emptied(self) -> None:
        self.proposals.clear()
        self._say(tr("Write a path or URL, or choose a file or folder."))

    def _on_looking(self) -> None:
        self.attach.setEnabled(False)
        self._say(tr("Looking…"))

    def _on_found(self, found: Found) -> None:
        self._say("")
        self.fields.guess_environment(found.environment)
        self.proposals.show_proposals(found.proposals)

    def _on_refused(self, error: CacheStudioError) -> None:
        self.proposals.clear()
        self._say_error(error)

    def _on_proposal(self) -> None:
        proposal = self.proposals.chosen()
        self.attach.setEnabled(proposal is not None)
        if proposal is None:
            self.form.set_options((), {})
        else:
            self.form.set_options(get_format(proposal.format).options, proposal.target.options)
            self.fields.begin(proposal.target)
        self._follow()

    def _on_edited(self) -> None:
        self._say("")
        self._follow()

    def _chosen(self) -> Target | None:
        """The target with the options as they stand in the fields."""
        proposal = self.proposals.chosen()
        return None if proposal is None else proposal.target.with_options(self.form.values(), proposal.format)

    def _follow(self) -> None:
        """Show what the options make of the target."""
        target = self._chosen()
        self.fields.follow(target)
        self.preview.show_target(target)
        self.share.setEnabled(target is not None and not target.is_url)

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

        self._controller.tasks.run(self._share_task, lambda _stop: share(target, name, folder), shared, self._say_error)

    def _say_error(self, error: CacheStudioError) -> None:
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
            self._say_error(error)
            return
        place = self.fields.applied_to(replace(place, keep_password=self.keep_password.isChecked()))
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
