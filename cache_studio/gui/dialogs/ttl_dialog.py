"""Asks how to change the TTL of chosen entries, foretells what that makes of them, and changes it in the same place."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import (
    QButtonGroup,
    QComboBox,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QRadioButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from cache_studio.gui.dialogs import ttl_words
from cache_studio.gui.dialogs.asking import AskingDialog
from cache_studio.gui.dialogs.frame import error_note
from cache_studio.gui.dialogs.plan_words import left_words, undo_words
from cache_studio.gui.dialogs.progress_page import ProgressPage
from cache_studio.gui.look.text import display_text, plain_label, tr
from cache_studio.gui.widgets.icon_note import IconNote
from cache_studio.model.columns import View
from cache_studio.model.errors import CacheStudioError, Cancelled
from cache_studio.model.matching import Matched
from cache_studio.model.plans import Progress
from cache_studio.model.ttl import Kind, TtlChange, TtlOutcome, TtlPlan
from cache_studio.services import ttl
from cache_studio.services.attachment import Attachment
from cache_studio.services.studio import Studio
from cache_studio.services.worker import Running

UNITS = (("s", 1), ("min", 60), ("h", 3_600), ("d", 86_400))
_MINUTES, _HOURS = 1, 2
_TYPING_MS = 150
_LARGEST = 36_500


@dataclass(frozen=True)
class Chosen:
    """The entries whose TTL is to change; `matched` where a selection chose them."""

    view: View
    rows: NDArray[np.intp]
    matched: Matched | None = None


class DurationField(QWidget):
    """A whole number and its unit.

    Signals:
        edited(): another duration.
    """

    edited = Signal()

    def __init__(self, name: str, number: int, unit: int) -> None:
        super().__init__()
        self.number, self.unit = QSpinBox(), QComboBox()
        self.number.setRange(1, _LARGEST)
        self.number.setGroupSeparatorShown(True)
        self.number.lineEdit().setTextMargins(6, 0, 0, 0)
        self.number.setValue(number)
        self.number.setFixedWidth(110)
        self.number.setAccessibleName(name)
        self.unit.addItems([tr(words) for words, _ in UNITS])
        self.unit.setCurrentIndex(unit)
        self.unit.setAccessibleName(tr("Unit of time"))
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(self.number)
        row.addWidget(self.unit)
        self.number.valueChanged.connect(lambda _value: self.edited.emit())
        self.unit.activated.connect(lambda _row: self.edited.emit())

    def seconds(self) -> float:
        """The duration."""
        return float(self.number.value() * UNITS[self.unit.currentIndex()][1])


class TtlDialog(AskingDialog):
    """Accepting changes the TTL and closes when that has ended; while it runs, Escape and closing stop it.

    Signals:
        finished_action(TtlPlan, TtlOutcome): the action ended, also when it was stopped or failed for some entries.
    """

    finished_action = Signal(object, object)

    def __init__(
        self, parent: QWidget | None, studio: Studio, attachment: Attachment, choose: Callable[[], Chosen]
    ) -> None:
        name = display_text(attachment.place.name, 200)
        title, sentence = tr("Set the TTL of entries of {name}"), tr("Their values stay as they are.")
        super().__init__(parent, "ttl", "accent", title.format(name=name), sentence, tr("Set TTL"), attachment.place)
        self._studio, self._attachment, self._choose = studio, attachment, choose
        self._plan: TtlPlan | None = None
        self._running: Running[Progress, TtlOutcome] | None = None
        self._progress: ProgressPage | None = None
        self._newest: Progress | None = None
        self._began = 0.0
        self.set_to, self.extend = QRadioButton(tr("Expire in")), QRadioButton(tr("Live longer by"))
        self.persist = QRadioButton(tr("Never expire"))
        self.set_field = DurationField(tr("TTL from now"), 1, _HOURS)
        self.extend_field = DurationField(tr("Added to the TTL that is left"), 30, _MINUTES)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_TYPING_MS)
        self._timer.timeout.connect(self._foretell)
        self._lines, self._notes = QGridLayout(), plain_label("", "note")
        self._lay_out()
        self.build()
        self._changed()

    def change(self) -> TtlChange:
        """What was chosen; BadRequest for a duration that makes no sense."""
        if self.persist.isChecked():
            return TtlChange(Kind.PERSIST)
        if self.extend.isChecked():
            return TtlChange(Kind.EXTEND, self.extend_field.seconds())
        return TtlChange(Kind.SET, self.set_field.seconds())

    def foretold(self) -> dict[str, str]:
        """What is foretold, by the names of the lines, and the notes, as shown."""
        texts = [self._lines.itemAt(at).widget().text() for at in range(self._lines.count())]  # type: ignore[union-attr]  # all of them are labels
        return dict(zip(texts[::2], texts[1::2], strict=True)) | {"": self._notes.text()}

    def accept(self) -> None:
        """Change what was foretold."""
        if self._plan is not None and self._running is None:
            self._run(self._plan)

    def reject(self) -> None:
        """Cancel; a change that runs is asked to stop and the dialog stays until it has."""
        if self._running is None:
            super().reject()
        elif self._progress is not None:
            self._running.stop()
            self._progress.show_stopping()

    def _lay_out(self) -> None:
        choices = QButtonGroup(self)
        grid = QGridLayout()
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(8)
        grid.setColumnStretch(2, 1)
        explained = (
            (self.set_to, self.set_field, tr("from now")),
            (self.extend, self.extend_field, tr("than they have left")),
            (self.persist, None, ""),
        )
        for at, (radio, field, words) in enumerate(explained):
            choices.addButton(radio)
            grid.addWidget(radio, at, 0)
            radio.clicked.connect(lambda _checked: self._changed())
            if field is not None:
                grid.addWidget(field, at, 1)
                grid.addWidget(plain_label(words, "note"), at, 2)
                field.edited.connect(lambda radio=radio: self._pick(radio))
        self.set_to.setChecked(True)
        card = QFrame()
        card.setProperty("ground", "sunken")
        inside = QVBoxLayout(card)
        inside.setContentsMargins(16, 12, 16, 12)
        inside.addLayout(self._lines)
        self._lines.setHorizontalSpacing(24)
        self._lines.setVerticalSpacing(6)
        self._lines.setColumnStretch(1, 1)
        self._notes.setWordWrap(True)
        self.body.addLayout(grid)
        self.body.addSpacing(6)
        self.body.addWidget(card)
        self.body.addWidget(self._notes)
        self.body.addWidget(
            IconNote("undo", undo_words(self._studio.settings.trash_days, tr("the old TTL")), "text2", "small")
        )

    def _pick(self, radio: QRadioButton) -> None:
        radio.setChecked(True)
        self._changed()

    def _changed(self) -> None:
        self._plan = None
        self.accept_button.setEnabled(False)
        self._timer.start()

    def _foretell(self) -> None:
        try:
            change = self.change()
        except CacheStudioError as error:
            self._refuse(error)
            return
        choose, attachment = self._choose, self._attachment

        def make() -> TtlPlan:
            chosen = choose()
            return ttl.plan_ttl(attachment, chosen.view, chosen.rows, change, time.time(), chosen.matched)

        self.tasks.run("foretell", lambda stop: make(), self._show, self._refuse)

    def _show(self, plan: TtlPlan) -> None:
        self._plan = plan if plan.count else None
        self._say(ttl_words.foretold(plan), " ".join(plan.notes))
        self.accept_button.setText(ttl_words.button(plan))
        self.accept_button.setAccessibleName(ttl_words.button(plan))
        self.accept_button.setEnabled(plan.count > 0)

    def _refuse(self, error: CacheStudioError) -> None:
        self._say((), f"{error.message} {error.hint}".strip())

    def _say(self, lines: tuple[tuple[str, str], ...], notes: str) -> None:
        while (item := self._lines.takeAt(0)) is not None:
            if (old := item.widget()) is not None:
                old.hide()
                old.deleteLater()
        for at, (name, words) in enumerate(lines):
            value = plain_label(display_text(words, 200), "small")
            value.setWordWrap(True)
            value.setAccessibleName(f"{name}: {words}")
            self._lines.addWidget(plain_label(name, "note"), at, 0)
            self._lines.addWidget(value, at, 1)
        self._notes.setText(display_text(notes, 600))
        self._notes.setVisible(bool(notes))
        self.refit()

    # -- running ---------------------------------------------------------------------------------------------

    def _run(self, plan: TtlPlan) -> None:
        self._began = time.monotonic()
        first = Progress(0, plan.count)
        self._progress = ProgressPage(ttl_words.doing(plan), ttl_words.progress_words(first))
        self._progress.stop_button.clicked.connect(self.reject)
        self.show_content(self._progress)
        self._progress.stop_button.setFocus()
        running = self._running = ttl.run(self._attachment, plan, self._studio.trash, "window", self._on_progress)
        self.tasks.follow(
            "change", running.future, lambda outcome: self._end(plan, outcome), lambda error: self._fail(plan, error)
        )

    def _on_progress(self, progress: Progress) -> None:
        """On the attachment's thread: keep the newest, and let the window draw once for all that came until then."""
        waiting, self._newest = self._newest, progress
        if waiting is None:
            self.tasks.tell(self._show_progress)

    def _show_progress(self) -> None:
        progress, self._newest = self._newest, None
        if progress is not None and self._progress is not None and self._running is not None:
            left = left_words(progress, time.monotonic() - self._began)
            self._progress.show_progress(progress.done, progress.planned, ttl_words.progress_words(progress), left)

    def _end(self, plan: TtlPlan, outcome: TtlOutcome) -> None:
        self._running = None
        super().accept()
        self.finished_action.emit(plan, outcome)

    def _fail(self, plan: TtlPlan, error: CacheStudioError) -> None:
        if isinstance(error, Cancelled):  # it was stopped before it began
            self._end(plan, TtlOutcome(plan.change.kind, plan.count, stopped=True))
            return
        self._running = None
        page = QWidget()
        layout = QVBoxLayout(page)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(16)
        layout.addWidget(plain_label(tr("This cannot be done now"), "title"))
        layout.addWidget(error_note(error.message, error.hint))
        self.show_content(page)
