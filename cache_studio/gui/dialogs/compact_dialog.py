"""Shows what compacting would give back, does it, and says what came of it."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QGridLayout, QVBoxLayout, QWidget

from cache_studio.gui.dialogs.frame import DialogHead, Foot, FrameDialog, error_note, separator
from cache_studio.gui.dialogs.plan_words import size_words
from cache_studio.gui.dialogs.progress_page import ProgressPage
from cache_studio.gui.look.text import display_text, plain_label, tr
from cache_studio.gui.tasks import Tasks
from cache_studio.gui.widgets.buttons import PrimaryButton, SecondaryButton
from cache_studio.gui.widgets.icon_note import IconNote
from cache_studio.gui.widgets.place_marks import place_line
from cache_studio.model.errors import CacheStudioError
from cache_studio.model.plans import CompactOutcome, CompactPlan
from cache_studio.model.seeing import Part
from cache_studio.model.units import format_count, format_size
from cache_studio.services import act
from cache_studio.services.attachment import Attachment
from cache_studio.services.studio import Studio

WIDTH = 560


class CompactDialog(FrameDialog):
    """Looks, asks, compacts, reports; all in one place. Entries stay as they are, so there is nothing to undo.

    Signals:
        finished_action(CompactOutcome): unused space was given back.
    """

    finished_action = Signal(object)

    def __init__(self, parent: QWidget | None, tasks: Tasks, studio: Studio, attachment: Attachment) -> None:
        super().__init__(parent, tr("Compact"), WIDTH)
        self._tasks, self._studio, self._attachment = tasks, studio, attachment
        self._task = f"compact {id(self)}"
        self._busy = False
        self._name = attachment.place.name
        self.action_button: PrimaryButton | None = None
        self.close_button = SecondaryButton(tr("Cancel"))
        self._show_page(tr("Looking for unused space"), "", None, tr("Cancel"))
        tasks.follow(self._task, act.plan_compact(attachment), self._show_plan, self._show_error)

    def reject(self) -> None:
        """Close; while space is being given back the dialog stays."""
        if not self._busy:
            self._tasks.drop(self._task)
            super().reject()

    def _show_page(self, title: str, sentence: str, body: QWidget | None, close: str) -> None:
        page = QWidget()
        layout = QVBoxLayout(page)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(16)
        head = DialogHead("compact", "accent", title, sentence)
        head.close_button.clicked.connect(self.reject)
        layout.addWidget(head)
        line = place_line(self._attachment.place)
        if line is not None:
            layout.addWidget(line)
        if body is not None:
            layout.addWidget(body)
        layout.addWidget(separator())
        self.close_button = SecondaryButton(close)
        self.close_button.clicked.connect(self.reject)
        buttons = [self.close_button, *([self.action_button] if self.action_button is not None else [])]
        layout.addWidget(Foot(None, buttons))
        self.show_content(page)
        self.close_button.setFocus()

    def _show_error(self, error: CacheStudioError) -> None:
        self._busy, self.action_button = False, None
        self._show_page(tr("This cannot be done now"), "", error_note(error.message, error.hint), tr("Close"))

    def _show_plan(self, plan: CompactPlan) -> None:
        if not plan.parts:
            words = tr("{name} has no unused space to give back.").format(name=plan.cache_name)
            self._show_page(tr("Nothing to do"), words, _notes(plan.note), tr("Close"))
            return
        self.action_button = PrimaryButton(tr("Compact {size}").format(size=format_size(plan.size)))
        self.action_button.clicked.connect(self._run)
        title = tr("Compact {name}?").format(name=plan.cache_name)
        volume = tr("It takes {size} now. Entries stay as they are.").format(size=size_words(plan.volume))
        self._show_page(title, volume, _parts(plan.parts, plan.note), tr("Cancel"))

    def _run(self) -> None:
        self._busy, self.action_button = True, None
        page = ProgressPage(tr("Compacting {name}").format(name=self._name), tr("Giving unused space back"))
        page.stop_button.hide()
        self.show_content(page)
        running = act.compact(self._attachment, self._studio.trash, "window")
        self._tasks.follow(self._task, running.future, self._end, self._show_error)

    def _end(self, outcome: CompactOutcome) -> None:
        self._busy = False
        before, after = size_words(outcome.volume_before), size_words(outcome.volume_after)
        freed = format_size(sum(part.bytes for part in outcome.parts))
        words = tr("{before} before, {after} now.").format(before=before, after=after)
        title = tr("{size} given back").format(size=freed)
        self._show_page(title, words, _parts(outcome.parts, ""), tr("Close"))
        self.finished_action.emit(outcome)


def _parts(parts: tuple[Part, ...], note: str) -> QWidget:
    box = QWidget()
    layout = QVBoxLayout(box)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(10)
    grid = QGridLayout()
    grid.setHorizontalSpacing(24)
    grid.setVerticalSpacing(6)
    grid.setColumnStretch(0, 1)
    for row, part in enumerate(parts):
        grid.addWidget(plain_label(display_text(tr(part.what), 200), "small"), row, 0)
        for column, words in ((1, format_count(part.count)), (2, format_size(part.bytes))):
            label = plain_label(words, "strong" if column == 2 else "note")
            grid.addWidget(label, row, column)
    layout.addLayout(grid)
    if note:
        layout.addWidget(IconNote("info", note))
    return box


def _notes(note: str) -> QWidget | None:
    return IconNote("info", note) if note else None
