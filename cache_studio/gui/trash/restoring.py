"""Brings entries of several actions back, one action after another; attaches the cache where it is not attached."""

from collections import deque
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from threading import Event

from PySide6.QtCore import QObject, Signal

from cache_studio.gui.controller import Controller
from cache_studio.gui.look.text import display_text, tr
from cache_studio.gui.undoing import undone_words
from cache_studio.model.errors import CacheStudioError
from cache_studio.model.plans import Progress, UndoOutcome
from cache_studio.model.units import format_count
from cache_studio.services.act import undo
from cache_studio.services.attachment import Attachment, Place
from cache_studio.services.studio import sentence
from cache_studio.trash.index import Action, WaitingEntry


@dataclass(frozen=True)
class Wanted:
    """Entries of one action; `only` None is all that wait. `count` is how many are known of."""

    action_id: str
    target: str
    cache_name: str
    count: int
    only: Collection[int] | None


def wanted_entries(entries: Iterable[WaitingEntry]) -> list[Wanted]:
    """These entries, by the actions that removed them."""
    actions: dict[str, list[WaitingEntry]] = {}
    for entry in entries:
        actions.setdefault(entry.action_id, []).append(entry)
    return [
        Wanted(name, of[0].target, of[0].cache_name, len(of), frozenset(entry.copy_id for entry in of))
        for name, of in actions.items()
    ]


class Restoring(QObject):
    """One run at a time.

    Signals:
        told(str): how far it is.
        restored(Attachment): entries came back to this cache.
        ended(str): all is tried; what came back and what did not.
    """

    told = Signal(str)
    restored = Signal(object)
    ended = Signal(str)

    def __init__(self, controller: Controller, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._controller = controller
        self._waiting: deque[Wanted] = deque()
        self._outcomes: list[UndoOutcome] = []
        self._now: Wanted | None = None

    @property
    def is_busy(self) -> bool:
        """Whether a run is under way."""
        return self._now is not None

    def begin(self, wanted: Sequence[Wanted]) -> None:
        """Bring these back; does nothing while a run is under way."""
        if self.is_busy or not wanted:
            return
        self._waiting, self._outcomes = deque(wanted), []
        self._next()

    def _next(self) -> None:
        if not self._waiting:
            self._now = None
            self.ended.emit(undone_words(_summed(self._outcomes)))
            return
        now = self._now = self._waiting.popleft()
        name = display_text(now.cache_name, 80)
        self.told.emit(f"{tr('Bringing back entries of')} {name}…")
        attachment = self._attached(now.target)
        if attachment is not None:
            self._find(attachment, now)
            return
        studio = self._controller.studio

        def resolve(_stop: Event) -> Place:
            return studio.resolve(now.target)

        self._controller.tasks.run("restore: attach", resolve, lambda place: self._attach(place, now), self._fail)

    def _attach(self, place: Place, now: Wanted) -> None:
        self._controller.attach_place(place, in_front=False)
        attachment = self._attached(str(place.target))
        assert attachment is not None
        self._find(attachment, now)

    def _find(self, attachment: Attachment, now: Wanted) -> None:
        trash = self._controller.studio.trash

        def look(_stop: Event) -> Action:
            return trash.action(now.action_id)

        self._controller.tasks.run("restore: find", look, lambda action: self._run(attachment, action, now), self._fail)

    def _run(self, attachment: Attachment, action: Action, now: Wanted) -> None:
        tasks = self._controller.tasks

        def tell(progress: Progress) -> None:
            words = f"{tr('Bringing back')} {format_count(progress.done)} {tr('of')} {format_count(progress.planned)}…"
            tasks.tell(lambda: self.told.emit(words))

        running = undo(attachment, action, self._controller.studio.trash, tell, now.only)
        tasks.follow("restore: undo", running.future, lambda outcome: self._end(attachment, outcome), self._fail)

    def _end(self, attachment: Attachment, outcome: UndoOutcome) -> None:
        self._outcomes.append(outcome)
        self.restored.emit(attachment)
        self._next()

    def _fail(self, error: CacheStudioError) -> None:
        assert self._now is not None
        self._outcomes.append(UndoOutcome(self._now.action_id, failed=self._now.count, reasons=(sentence(error),)))
        self._next()

    def _attached(self, target: str) -> Attachment | None:
        return next((one for one in self._controller.attachments if str(one.place.target) == target), None)


def _summed(outcomes: Sequence[UndoOutcome]) -> UndoOutcome:
    return UndoOutcome(
        outcomes[-1].undo_id,
        sum(outcome.restored for outcome in outcomes),
        sum(outcome.newer_kept for outcome in outcomes),
        sum(outcome.failed for outcome in outcomes),
        any(outcome.stopped for outcome in outcomes),
        tuple(dict.fromkeys(reason for outcome in outcomes for reason in outcome.reasons)),
    )
