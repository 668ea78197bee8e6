"""The dialog before and during an action: what it would do, then how far it has come, in the same place."""

import time
from collections.abc import Callable
from concurrent.futures import Future

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QLineEdit, QVBoxLayout, QWidget

from cache_studio.gui.dialogs import plan_words
from cache_studio.gui.dialogs.frame import DialogHead, Foot, FrameDialog, error_note, separator
from cache_studio.gui.dialogs.plan_page import PlanPage
from cache_studio.gui.dialogs.plan_words import PlanFigures, figures_of
from cache_studio.gui.dialogs.progress_page import ProgressPage
from cache_studio.gui.look.text import display_text, tr
from cache_studio.gui.tasks import Tasks
from cache_studio.gui.widgets.buttons import DangerButton, PrimaryButton, SecondaryButton
from cache_studio.gui.widgets.icon_note import IconNote
from cache_studio.gui.widgets.place_marks import place_line
from cache_studio.model.errors import CacheStudioError, Cancelled
from cache_studio.model.plans import Outcome, Plan, Progress, Verb
from cache_studio.services import act
from cache_studio.services.attachment import Attachment
from cache_studio.services.studio import Studio
from cache_studio.services.worker import Running

WIDTH = 800


class PlanDialog(FrameDialog):
    """Makes a plan off the window's thread, shows it, runs it when told so, and closes when it has ended.

    Escape or closing cancels a plan; while the action runs they ask it to stop.

    Signals:
        finished_action(Outcome): the action ended, also when it was stopped or failed for some entries.
    """

    finished_action = Signal(object)

    def __init__(
        self,
        parent: QWidget | None,
        tasks: Tasks,
        studio: Studio,
        attachment: Attachment,
        make_plan: Callable[[], Plan],
    ) -> None:
        super().__init__(parent, tr("Plan"), WIDTH)
        self._tasks, self._studio, self._attachment = tasks, studio, attachment
        self._task = f"plan {id(self)}"
        self._running: Running[Progress, Outcome] | None = None
        self._progress: ProgressPage | None = None
        self._newest: Progress | None = None
        self._began = 0.0
        self.action_button: SecondaryButton | None = None
        self.cancel_button = SecondaryButton(tr("Cancel"))
        self._show_words("info", "accent", tr("Working out what would go"), tr("Nothing is removed before you say so."))
        tasks.run(self._task, lambda stop: figures_of(make_plan()), self._show_plan, self._show_error)

    def reject(self) -> None:
        """Cancel the plan; a running action is asked to stop and the dialog stays until it has."""
        if self._running is not None:
            self._stop()
            return
        self._tasks.drop(self._task)
        super().reject()

    def _show_words(self, icon: str, tone: str, title: str, sentence: str, problem: QWidget | None = None) -> None:
        """A head, perhaps a problem below it, and one button that closes."""
        page, layout = self._page(DialogHead(icon, tone, title, sentence))
        if problem is not None:
            layout.addWidget(problem)
        layout.addWidget(Foot(None, [self._closing(tr("Close") if problem is not None else tr("Cancel"))]))
        self.show_content(page)
        self.cancel_button.setFocus()

    def _page(self, head: DialogHead) -> tuple[QWidget, QVBoxLayout]:
        page = QWidget()
        layout = QVBoxLayout(page)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(16)
        layout.addWidget(head)
        head.close_button.clicked.connect(self.reject)
        return page, layout

    def _closing(self, words: str) -> SecondaryButton:
        self.cancel_button = SecondaryButton(words)
        self.cancel_button.clicked.connect(self.reject)
        return self.cancel_button

    def _show_error(self, error: CacheStudioError) -> None:
        self._running = None
        problem = error_note(error.message, error.hint)
        self._show_words("warning", "urgent", tr("This cannot be done now"), "", problem)

    def _show_plan(self, figures: PlanFigures) -> None:
        plan = figures.plan
        words = plan_words.WORDS[plan.verb]
        self.setWindowTitle(tr(words.name))
        if not plan.count:
            self._show_empty(plan)
            return
        tone = "urgent" if plan.no_undo else words.tone
        head = DialogHead(words.icon, tone, plan_words.title(plan), plan_words.sentence(figures))
        page, layout = self._page(head)
        line = place_line(self._attachment.place)
        if line is not None:
            layout.addWidget(line)
        layout.addWidget(PlanPage(figures), 1)
        layout.addWidget(separator())
        kind = DangerButton if plan.no_undo else PrimaryButton
        self.action_button = kind(plan_words.button(plan))
        self.action_button.clicked.connect(lambda: self._run(plan))
        if plan.no_undo and plan.verb is Verb.CLEAR:
            layout.addWidget(self._name_check(plan.cache_name, self.action_button))
        layout.addWidget(Foot(self._undo_note(plan), [self._closing(tr("Cancel")), self.action_button]))
        self.show_content(page)
        self.cancel_button.setFocus()

    def _show_empty(self, plan: Plan) -> None:
        words = plan_words.WORDS[plan.verb]
        page, layout = self._page(DialogHead(words.icon, words.tone, tr("Nothing to do"), plan_words.nothing(plan)))
        for note in plan.notes:
            layout.addWidget(IconNote("info", tr(note)))
        layout.addWidget(Foot(None, [self._closing(tr("Close"))]))
        self.show_content(page)
        self.cancel_button.setFocus()

    def _undo_note(self, plan: Plan) -> QWidget:
        if plan.no_undo:
            note = error_note(tr("This cannot be undone."), plan.no_undo)
        else:
            note = IconNote("undo", plan_words.undo_words(self._studio.settings.trash_days), "text2", "small")
        return note

    def _name_check(self, name: str, button: SecondaryButton) -> QWidget:
        """A line that asks for the name of the cache before the button can be pressed."""
        shown = display_text(name, 200)
        line = QLineEdit()
        line.setPlaceholderText(shown)
        line.setAccessibleName(tr("Name of the cache"))
        button.setEnabled(False)
        line.textChanged.connect(lambda text: button.setEnabled(text.strip() == shown))
        box = QWidget()
        layout = QVBoxLayout(box)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(IconNote("lock", tr("Type the name of the cache, {name}, to go on.").format(name=shown)))
        layout.addWidget(line)
        self.name_line = line
        return box

    def _run(self, plan: Plan) -> None:
        self._began = time.monotonic()
        self._progress = ProgressPage(plan_words.doing(plan), plan_words.progress_words(Progress(0, plan.count)))
        self._progress.stop_button.clicked.connect(self._stop)
        self.show_content(self._progress)
        self._progress.stop_button.setFocus()
        self._running = act.run(self._attachment, plan, self._studio.trash, "window", self._on_progress)
        self._tasks.follow(self._task, _answered(self._running.future, plan), self._end, self._show_error)

    def _on_progress(self, progress: Progress) -> None:
        """On the attachment's thread: keep the newest, and let the window draw once for all that came until then."""
        waiting, self._newest = self._newest, progress
        if waiting is None:
            self._tasks.tell(self._show_progress)

    def _show_progress(self) -> None:
        progress, self._newest = self._newest, None
        if progress is not None and self._progress is not None and self._running is not None:
            left = plan_words.left_words(progress, time.monotonic() - self._began)
            line = plan_words.progress_words(progress)
            self._progress.show_progress(progress.done, progress.planned, line, left)

    def _stop(self) -> None:
        if self._running is not None and self._progress is not None:
            self._running.stop()
            self._progress.show_stopping()

    def _end(self, outcome: Outcome) -> None:
        self._running = None
        if outcome.failed and not outcome.removed:
            reasons = " ".join(outcome.reasons) or tr("The cache did not say why.")
            self._show_words("warning", "urgent", tr("Nothing was removed"), "", error_note(reasons))
        else:
            self.accept()
        self.finished_action.emit(outcome)


def _answered(future: "Future[Outcome]", plan: Plan) -> "Future[Outcome]":
    """The same, with an answer also for what was stopped before it began."""
    answered: Future[Outcome] = Future()

    def settle(done: "Future[Outcome]") -> None:
        error = done.exception()
        if isinstance(error, Cancelled):
            answered.set_result(Outcome(plan.verb, plan.count, stopped=True))
        elif error is not None:
            answered.set_exception(error)
        else:
            answered.set_result(done.result())

    future.add_done_callback(settle)
    return answered
