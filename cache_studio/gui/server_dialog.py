"""The dialog "Redis server…": the form, a test of the connection, and on to the attach dialog. It opens nothing."""

from dataclasses import dataclass

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QDialog, QFrame, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from cache_studio.config.secrets import why_no_keyring
from cache_studio.gui.controller import Controller
from cache_studio.gui.dialogs.frame import error_note
from cache_studio.gui.look.text import plain_label, set_tooltip, tr
from cache_studio.gui.server_form import ServerForm
from cache_studio.gui.widgets.buttons import PrimaryButton, SecondaryButton
from cache_studio.gui.widgets.icon_note import IconNote
from cache_studio.model.environments import Environment
from cache_studio.model.errors import BadRequest, CacheStudioError
from cache_studio.model.targets import Target
from cache_studio.services.connection_test import Report, report_lines, try_connection
from cache_studio.services.server_fields import fields_of

SIZE = QSize(680, 720)


@dataclass(frozen=True, slots=True)
class ChosenServer:
    """What the form was left with."""

    target: Target
    environment: Environment
    keep_password: bool


class ServerDialog(QDialog):
    """Fills in a server; nothing is connected but by Test.

    Signals:
        decided(ChosenServer): go on with this server.
    """

    decided = Signal(object)

    def __init__(
        self,
        parent: QWidget | None,
        controller: Controller,
        target: Target,
        environment: Environment | None = None,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Redis server"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._controller = controller
        self._task = f"connection {id(self)}"
        self.form = ServerForm(fields_of(target), environment)
        self.test = SecondaryButton(tr("Test"), "play")
        self.use = PrimaryButton(tr("Continue"))
        self.outcome = QFrame()
        self.outcome.setProperty("ground", "sunken")
        self.outcome.setAccessibleName(tr("Result of the test"))
        self.outcome.hide()
        self._lines = QVBoxLayout(self.outcome)
        self._lines.setContentsMargins(12, 8, 12, 8)
        self._lines.setSpacing(4)
        self._lay_out()
        set_tooltip(self.test, tr("Connect, look and leave again; nothing is changed"))
        self.use.setDefault(True)
        self.test.clicked.connect(self.try_now)
        self.use.clicked.connect(self._decide)
        self.form.edited.connect(self._forget_result)
        self.resize(SIZE)
        self.form.hosts.setFocus()
        controller.tasks.run(
            f"{self._task} keyring", lambda _stop: why_no_keyring(), self.form.offer_keyring, self._show_error
        )

    def _lay_out(self) -> None:
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setWidget(self.form)
        scroll.viewport().setAutoFillBackground(False)
        self.form.setAutoFillBackground(False)
        foot = QHBoxLayout()
        foot.setSpacing(8)
        foot.addWidget(self.test)
        foot.addStretch(1)
        cancel = SecondaryButton(tr("Cancel"))
        cancel.clicked.connect(self.reject)
        foot.addWidget(cancel)
        foot.addWidget(self.use)
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 24, 24, 20)
        column.setSpacing(12)
        column.addWidget(plain_label(tr("Redis server"), "heading"))
        column.addWidget(scroll, 1)
        column.addWidget(self.outcome)
        column.addLayout(foot)

    def done(self, result: int) -> None:
        """Want no answer any more."""
        for name in (self._task, f"{self._task} keyring"):
            self._controller.tasks.drop(name)
        super().done(result)

    def try_now(self) -> None:
        """Connect in the background and say what came of it."""
        target = self._target()
        if target is None:
            return
        passwords = self._controller.studio.passwords
        self._show([IconNote("info", tr("Connecting…"))])
        self._controller.tasks.run(
            self._task,
            lambda _stop: try_connection(passwords.complete(target)),
            self._show_report,
            self._show_error,
        )

    def words(self) -> str:
        """What the result says, a sentence a line; "" while there is none."""
        items = (self._lines.itemAt(at) for at in range(self._lines.count()))
        notes = (item.widget() for item in items if item is not None)
        return "\n".join(note.label.text() for note in notes if isinstance(note, IconNote))

    def _target(self) -> Target | None:
        try:
            return self.form.target()
        except BadRequest as error:
            self._show_error(error)
            return None

    def _decide(self) -> None:
        target = self._target()
        if target is None:
            return
        keep = self.form.keep_password.isEnabled() and self.form.keep_password.isChecked()
        chosen = ChosenServer(target, self.form.chosen_environment(), keep)
        self.accept()
        self.decided.emit(chosen)

    def _show_report(self, report: Report) -> None:
        first, *rest = report_lines(report)
        notes = [IconNote("check", first, "fresh", "small")]
        for line in rest:
            loud = "NOT checked" in line
            quiet = line.startswith("Not ")
            tone = "urgent" if loud else "soon" if quiet else "text2"
            notes.append(IconNote("warning" if loud else "lock" if quiet else "info", line, tone, "small"))
        self._show(notes)

    def _show_error(self, error: CacheStudioError) -> None:
        self._show([error_note(error.message, error.hint)])

    def _show(self, notes: list[IconNote]) -> None:
        self._clear()
        for note in notes:
            self._lines.addWidget(note)
        self.outcome.setAccessibleDescription(self.words())
        self.outcome.show()

    def _forget_result(self) -> None:
        """What was tried is not what the fields say now."""
        self._controller.tasks.drop(self._task)
        self._clear()
        self.outcome.hide()

    def _clear(self) -> None:
        while (item := self._lines.takeAt(0)) is not None:
            note = item.widget()
            if note is not None:
                note.hide()
                note.deleteLater()
